import numpy as np
import pytest

from quant_pipelines.core.bars import Bars, bars_from_columns, concatenate_bars, empty_bars
from quant_pipelines.core.errors import DataError

MINUTE = 60_000


def minute_bars(count: int = 5, **changes: list[float]) -> Bars:
    columns: dict[str, np.ndarray] = {
        "ts": np.arange(count) * MINUTE,
        "open": np.full(count, 100.0),
        "high": np.full(count, 101.0),
        "low": np.full(count, 99.0),
        "close": np.full(count, 100.5),
        "volume": np.full(count, 1.0),
    }
    columns.update({name: np.asarray(values) for name, values in changes.items()})
    return bars_from_columns("BTC/USDT:USDT", "1m", columns)


def test_sound_bars_pass_validation() -> None:
    bars = minute_bars()
    assert bars.validated() is bars


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ts": [0, MINUTE, MINUTE, 3 * MINUTE, 4 * MINUTE]},
            "ts is 60000 at bar 2 .* a time after the bar before",
        ),
        ({"ts": [0, MINUTE, 2 * MINUTE + 1, 3 * MINUTE, 4 * MINUTE]}, "ts is 120001 .* multiple of 60000 ms"),
        ({"close": [100.5, np.nan, 100.5, 100.5, 100.5]}, "close is nan at bar 1 .* a positive price"),
        ({"low": [99, 99, -1.0, 99, 99]}, "low is -1.0 at bar 2 .* a positive price"),
        ({"volume": [1, 1, 1, 1, -2.0]}, "volume is -2.0 at bar 4 .* 0 or more"),
        ({"low": [99, 99, 99, 100.2, 99]}, "low is 100.2 at bar 3 .* at most open and close"),
        ({"high": [101, 100.1, 101, 101, 101]}, "high is 100.1 at bar 1 .* at least open and close"),
    ],
)
def test_faulty_bars_are_named(changes: dict[str, list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        minute_bars(**changes).validated()


def test_between_takes_the_start_and_leaves_the_end() -> None:
    assert minute_bars().between(MINUTE, 3 * MINUTE).ts.tolist() == [MINUTE, 2 * MINUTE]


def test_close_time_is_the_open_of_the_next_slot() -> None:
    assert minute_bars().close_ts.tolist() == [MINUTE * i for i in range(1, 6)]


def test_concatenation_keeps_order_and_columns() -> None:
    bars = minute_bars()
    joined = concatenate_bars(bars.rows(0, 2), bars.rows(2, 5))
    assert joined.ts.tolist() == bars.ts.tolist()
    assert joined.validated() is joined


def test_no_bars_are_valid_bars() -> None:
    assert len(empty_bars("BTC/USDT:USDT", "1m").validated()) == 0
