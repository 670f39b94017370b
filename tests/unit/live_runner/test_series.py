import numpy as np
import pytest

from live_runner.feed.series import BarSeries
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.gaps import missing_ranges
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS

START = 1_767_225_600_000
SYMBOL = "BTC/USDT:USDT"


def bars(minutes: list[int]) -> Bars:
    columns = {name: np.full(len(minutes), 100.0) for name in ("open", "high", "low", "close", "volume")}
    return bars_from_columns(SYMBOL, "1m", {"ts": START + MINUTE_MS * np.array(minutes), **columns})


def minutes_of(found: Bars) -> list[int]:
    return [int(minute) for minute in (found.ts - START) // MINUTE_MS]


def test_bars_that_are_known_do_not_enter_twice() -> None:
    series = BarSeries(SYMBOL, "1m", START)
    series.extend(bars([0, 1, 2]))
    series.extend(bars([1, 2, 3]))
    assert minutes_of(series.bars) == [0, 1, 2, 3]
    assert series.end_ms == START + 4 * MINUTE_MS


def test_a_series_grows_beyond_its_first_room() -> None:
    series = BarSeries(SYMBOL, "1m", START)
    for minute in range(3000):
        series.extend(bars([minute]))
    assert minutes_of(series.bars) == list(range(3000))
    series.bars.validated()


def test_bars_before_the_first_one_stay_out() -> None:
    series = BarSeries(SYMBOL, "1m", START + 2 * MINUTE_MS)
    series.extend(bars([0, 1, 2]))
    assert minutes_of(series.bars) == [2]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], [(0, 5)]),
        ([0, 1, 2, 3, 4], []),
        ([1, 2], [(0, 1), (3, 5)]),
        ([0, 3, 4], [(1, 3)]),
    ],
)
def test_missing_ranges_name_every_hole(present: list[int], expected: list[tuple[int, int]]) -> None:
    found = missing_ranges(bars(present), Window(START, START + 5 * MINUTE_MS))
    assert [((a - START) // MINUTE_MS, (b - START) // MINUTE_MS) for a, b in found] == expected
