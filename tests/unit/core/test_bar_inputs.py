"""What bars carry beside their own columns."""

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars, concatenate_bars
from quant_pipelines.core.errors import DataError, StrategyError
from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import HOUR_MS, timeframe_ms


def bars_of(count: int, timeframe: str = "1h", start: int = 0) -> Bars:
    price = 100.0 + start + np.arange(count, dtype=float)
    ts = timeframe_ms(timeframe) * (start + np.arange(count, dtype=np.int64))
    return Bars("X/USDT:USDT", timeframe, ts, price, price + 2.0, price - 2.0, price + 1.0, np.ones(count))


def carrying(count: int = 12) -> Bars:
    bars = bars_of(count)
    return bars.with_extras(open_interest=np.arange(count, dtype=float)).with_higher(roll_up_bars(bars, "4h"))


def test_a_column_that_is_not_carried_names_what_to_declare() -> None:
    with pytest.raises(
        StrategyError, match=r"funding_rate is read and not declared; .*Inputs\(funding=True\)"
    ):
        _ = bars_of(3).funding_rate


def test_a_timeframe_that_is_not_carried_names_what_to_declare() -> None:
    with pytest.raises(StrategyError, match=r"'4h' is read and not declared; .*timeframes=\(\"4h\",\)"):
        bars_of(3).on("4h")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"funding": np.zeros(3)}, "'funding' of bars is unknown"),
        ({"mark_close": np.zeros(2)}, r"shape \(2,\)"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(column: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        bars_of(3).with_extras(**column)


def test_higher_bars_are_seen_from_their_close_on() -> None:
    closes = carrying().on("4h").close
    np.testing.assert_array_equal(closes, [np.nan] * 3 + [104.0] * 4 + [108.0] * 4 + [112.0])


def test_values_on_higher_bars_are_laid_on_the_lower_ones() -> None:
    higher = carrying().on("4h")
    np.testing.assert_array_equal(higher.at(higher.bars.close * 2.0), higher.close * 2.0)
    with pytest.raises(StrategyError, match=r"values on 4h have shape \(2,\); expected \(3,\)"):
        higher.at(np.zeros(2))


def test_rows_take_the_inputs_along_and_hide_higher_bars_that_close_later() -> None:
    part = carrying().rows(5, 9)
    assert part.open_interest.tolist() == [5.0, 6.0, 7.0, 8.0]
    assert part.on("4h").close.tolist() == [104.0, 104.0, 108.0, 108.0]
    assert len(part.on("4h").bars) == 2
    assert len(carrying().rows(0, 0).on("4h").bars) == 0


def test_between_takes_the_inputs_along() -> None:
    assert carrying().between(2 * HOUR_MS, 4 * HOUR_MS).open_interest.tolist() == [2.0, 3.0]


def test_concatenation_keeps_the_inputs() -> None:
    whole = carrying()
    joined = concatenate_bars(whole.rows(0, 6), whole.rows(6, 12))
    assert joined.open_interest.tolist() == whole.open_interest.tolist()
    np.testing.assert_array_equal(joined.on("4h").close, whole.on("4h").close)


def test_bars_with_other_inputs_are_not_joined() -> None:
    with pytest.raises(DataError, match=r"'4h'.* expected the same"):
        concatenate_bars(carrying(), bars_of(3, start=12))


def test_higher_bars_of_a_finer_timeframe_are_refused() -> None:
    with pytest.raises(DataError, match="15m; expected X/USDT:USDT in 1h or coarser"):
        bars_of(3).with_higher(bars_of(3, "15m"))


def test_inputs_can_not_be_exchanged() -> None:
    with pytest.raises(TypeError):
        carrying().extras["open_interest"] = np.zeros(12)  # type: ignore[index]


def test_roll_up_leaves_a_bucket_out_that_lacks_a_bar() -> None:
    whole = bars_of(12)
    holed = concatenate_bars(whole.rows(0, 5), whole.rows(6, 12))
    rolled = roll_up_bars(holed, "4h")
    assert rolled.ts.tolist() == [0, 8 * HOUR_MS]
    assert (rolled.open[1], rolled.high[1], rolled.low[1], rolled.close[1]) == (108.0, 113.0, 106.0, 112.0)
    assert rolled.volume.tolist() == [4.0, 4.0]


def test_roll_up_to_a_finer_timeframe_is_refused() -> None:
    with pytest.raises(DataError, match="1h bars can't be rolled up to 15m"):
        roll_up_bars(bars_of(4), "15m")
