"""A strategy that reads every input: batch, sweep, event and paper book are equal to the last bit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest, run_event_backtest, sweep
from quant_pipelines.core.bars import Bars
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Float, Inputs, Int, Stops, Strategy
from quant_pipelines.sdk.trial.market import TrialMarket
from tests.parity.scenarios import LOTS
from tests.parity.test_drivers import paper_backtest


class Everything(Strategy):
    """A vote of all inputs, taken anew at every bar."""

    inputs = Inputs(funding=True, open_interest=True, index=True, mark=True, timeframes=("4h", "1d"))
    window = Int(5, low=2, high=20)
    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5), atr_stop=Float(3.0, low=0.0, high=9.0))

    def target(self, bars: Bars) -> Array:
        slow = bars.on("4h")
        votes = [
            -np.sign(bars.funding_rate),
            np.sign(bars.open_interest - 1e5),
            np.sign(bars.index_close - bars.mark_close),
            np.sign(slow.close - slow.at(ema(slow.bars.close, self.window))),
            np.sign(bars.on("1d").close - bars.close),
        ]
        return np.sign(np.nansum(votes, axis=0) + 0.5 * np.sign(bars.close - ema(bars.close, self.window)))


SETTINGS = BacktestSettings(rules=LOTS)
DRIVERS: dict[str, Callable[..., BacktestResult]] = {"event": run_event_backtest, "paper": paper_backtest}


def bars_with_inputs() -> Bars:
    return TrialMarket(Everything).shocked(500, seed=3)


@pytest.mark.parametrize("driver", DRIVERS)
def test_driver_equals_batch_to_the_bit(driver: str) -> None:
    bars, strategy = bars_with_inputs(), Everything(window=7)
    expected = run_backtest(strategy, bars, settings=SETTINGS)
    actual = DRIVERS[driver](strategy, bars, settings=SETTINGS)
    assert len(expected.trades) > 20
    assert actual.trade_rows.tobytes() == expected.trade_rows.tobytes()
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.not_modelled == expected.not_modelled


def test_every_row_of_a_sweep_equals_its_own_backtest() -> None:
    bars, sets = bars_with_inputs(), [{"window": window} for window in range(2, 13)]
    swept = sweep(Everything, sets, bars, SETTINGS, threads=2)
    for values, returns in zip(sets, swept.daily_returns, strict=True):
        single = run_backtest(Everything(**values), bars, settings=replace(SETTINGS, has_bar_equity=False))
        assert returns.tobytes() == single.daily_returns.tobytes()


@pytest.mark.parametrize("input_", ["funding_rate", "open_interest", "index_close", "mark_close"])
def test_every_input_takes_part_in_the_decision(input_: str) -> None:
    bars = bars_with_inputs()
    changed = bars.with_extras(**{input_: -bars.extras[input_]})
    with_input, without = (run_backtest(Everything(), one, settings=SETTINGS) for one in (bars, changed))
    assert with_input.trade_rows.tobytes() != without.trade_rows.tobytes()
