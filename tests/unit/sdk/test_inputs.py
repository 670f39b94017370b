import numpy as np
import pytest

from quant_pipelines.backtest import run_backtest
from quant_pipelines.core.asof import KnownPoints, no_points
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.sdk import Array, Inputs, Int, Strategy, attach_inputs
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.sdk.trial.contract import check_strategy


class Carrier(Strategy):
    """Against funding."""

    inputs = Inputs(funding=True)

    def target(self, bars: Bars) -> Array:
        return -np.sign(bars.funding_rate)


class Undeclared(Strategy):
    """Reads what it did not declare."""

    inputs = Inputs(open_interest=True)

    def target(self, bars: Bars) -> Array:
        return -np.sign(bars.funding_rate)


class Slow(Strategy):
    """Sign of the last 4-hour bar."""

    inputs = Inputs(timeframes=("4h",))
    window = Int(2, low=1, high=3)

    def target(self, bars: Bars) -> Array:
        higher = bars.on("4h")
        return np.sign(higher.close - higher.open)


class Peeking(Slow):
    """Uses the newest 4-hour bar at every bar."""

    def target(self, bars: Bars) -> Array:
        higher = bars.on("4h").bars
        return np.full(len(bars), np.sign(higher.close[-1] - higher.open[-1]) if len(higher) else 0.0)


class Held:
    """Funding, and own bars of some timeframes."""

    def __init__(self, paid: KnownPoints, *own: Bars) -> None:
        self._paid = paid
        self._own = {bars.timeframe: bars for bars in own}

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        return self._paid.between(start_ms, end_ms) if name == "funding_rate" else no_points()

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        own = self._own.get(timeframe, empty_bars(symbol, timeframe))
        return own.between(start_ms, end_ms)


BARS = random_walk(48, 1)
NOTHING = Held(no_points())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"symbols": -1}, "symbols is -1; expected"),
        ({"symbols": True}, "symbols is True"),
        ({"funding": "yes"}, "funding is 'yes'; expected True or False"),
        ({"timeframes": "4h"}, r"timeframes is '4h'; expected a tuple such as \(\"4h\", \"1d\"\)"),
        ({"timeframes": ("4H",)}, "unknown timeframe '4H'; did you mean '4h'"),
        ({"timeframes": ("3h",)}, "unknown timeframe '3h'"),
    ],
)
def test_inputs_that_can_not_be_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        Inputs(**values)  # type: ignore[arg-type]


def test_a_timeframe_that_is_finer_than_the_bars_is_named() -> None:
    coarse = roll_up_bars(BARS, "1d")
    with pytest.raises(StrategyError, match="timeframe 4h is finer than the bars; expected 1d or coarser"):
        attach_inputs(Slow, coarse, NOTHING)


def test_reading_what_was_not_declared_is_an_error_that_says_what_to_declare() -> None:
    bars = BARS.with_extras(open_interest=np.ones(48), funding_rate=np.ones(48))
    with pytest.raises(StrategyError, match=r"Undeclared: funding_rate is .*Inputs\(funding=True\)"):
        target_of(Undeclared(), bars)


def test_declared_inputs_that_nobody_attached_are_named() -> None:
    with pytest.raises(StrategyError, match="Carrier: inputs funding_rate are declared and the bars"):
        target_of(Carrier(), BARS)


def test_a_strategy_that_declares_nothing_gets_the_very_same_bars() -> None:
    assert attach_inputs(Strategy, BARS, NOTHING) is BARS


def test_a_rate_is_read_as_eight_hour_equivalent_once_it_is_known() -> None:
    ts = np.array([4, 8]) * HOUR_MS
    attached = attach_inputs(Carrier, BARS, Held(KnownPoints(ts, ts, np.array([0.0001, 0.0002]))))
    rates = attached.funding_rate
    assert np.isnan(rates[:4]).all()
    assert rates[4] == 0.0001  # closes at 05:00; the bar that closes with the slot does not know it yet
    assert rates[7] == 0.0001
    assert rates[8] == pytest.approx(0.0004)
    assert np.isnan(rates[32:]).all()  # older than a day


def test_higher_bars_are_own_ones_where_there_are_some_and_roll_ups_elsewhere() -> None:
    own = roll_up_bars(BARS, "4h").rows(3, 5)
    marked = Bars(own.symbol, "4h", own.ts, own.open, own.high * 2, own.low, own.close, own.volume)
    attached = attach_inputs(Slow, BARS, Held(no_points(), marked, BARS))
    rolled = roll_up_bars(BARS, "4h")
    expected = rolled.high.copy()
    expected[3:5] *= 2
    assert attached.on("4h").bars.high.tolist() == expected.tolist()
    assert attached.on("4h").row[:9].tolist() == [-1, -1, -1, 0, 0, 0, 0, 1, 1]


def test_higher_bars_reach_back_behind_the_first_bar() -> None:
    late = BARS.rows(40, 48)
    attached = attach_inputs(Slow, late, Held(no_points(), BARS))
    assert attached.on("4h").row[0] == 9
    assert len(attached.on("4h").bars) == 12


def test_a_strategy_that_looks_into_a_higher_bar_that_is_not_closed_fails_the_contract() -> None:
    failed = {check.name for check in check_strategy(Peeking) if not check.passed}
    assert "causality" in failed


def test_inputs_that_were_unknown_are_named_in_the_result() -> None:
    at = np.array([30 * HOUR_MS])
    some = attach_inputs(Carrier, BARS, Held(KnownPoints(at, at + MINUTE_MS, np.array([0.0001]))))
    none = attach_inputs(Carrier, BARS, NOTHING)
    assert "input funding_rate (unknown at 62% of the bars)" in run_backtest(Carrier(), some).not_modelled
    assert "input funding_rate (no data)" in run_backtest(Carrier(), none).not_modelled
