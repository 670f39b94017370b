"""Bars of several symbols on one grid: the union of their times, NaN where a symbol has none."""

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import HOUR_MS


def hours(symbol: str, rows: list[int], *, timeframe: str = "1h") -> Bars:
    values = np.array(rows, dtype=np.float64) + 10.0
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), values)
    return bars_from_columns(symbol, timeframe, {**columns, "ts": np.array(rows) * HOUR_MS})


PANEL = panel_of([hours("A", [0, 1, 3, 4]), hours("B", [1, 2, 4])])


def test_the_grid_is_the_union_of_the_open_times() -> None:
    assert (PANEL.ts // HOUR_MS).tolist() == [0, 1, 2, 3, 4]
    assert PANEL.symbols == ("A", "B")


def test_a_missing_bar_is_nan_in_every_column() -> None:
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(PANEL, name)[:, 1], [np.nan, 11.0, 12.0, np.nan, 14.0])


def test_complete_rows_are_those_with_a_bar_of_every_symbol() -> None:
    assert PANEL.is_complete.tolist() == [False, True, False, False, True]


def test_rows_take_the_part_of_every_member() -> None:
    part = PANEL.rows(1, 4)
    assert (part.ts // HOUR_MS).tolist() == [1, 2, 3]
    assert (part.bars(0).ts // HOUR_MS).tolist() == [1, 3]
    assert (part.bars(1).ts // HOUR_MS).tolist() == [1, 2]
    assert np.shares_memory(part.close, PANEL.close)


def test_no_rows_have_no_bars_of_any_member() -> None:
    nothing = PANEL.rows(2, 2)
    assert len(nothing) == 0
    assert [len(bars) for bars in nothing.members] == [0, 0]


def test_between_takes_open_times_up_to_the_end() -> None:
    assert (PANEL.between(HOUR_MS, 3 * HOUR_MS).ts // HOUR_MS).tolist() == [1, 2]


def test_values_of_own_bars_are_spread_over_the_grid() -> None:
    np.testing.assert_array_equal(PANEL.on_grid(1, np.array([1.0, 2.0, 3.0])), [np.nan, 1, 2, np.nan, 3])


def test_a_column_is_contiguous() -> None:
    assert PANEL.rows(1, 4).close[:, 1].flags.c_contiguous


def test_different_timeframes_are_refused() -> None:
    with pytest.raises(DataError, match="timeframes of a panel are"):
        panel_of([hours("A", [0, 4]), hours("B", [0, 4], timeframe="4h")])


def test_a_symbol_that_is_given_twice_is_refused() -> None:
    with pytest.raises(DataError, match="expected each one once"):
        panel_of([hours("A", [0]), hours("A", [1])])
