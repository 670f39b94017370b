"""What a set carries is told by the bars that it trades in, whatever the market trades in others."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.search_settings import ConstraintSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.capacity import FilledShares, capacity_of
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Array, Int, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from quant_pipelines.trading import Specification
from tests.unit.research.test_evaluator import START

DAYS, PRICE, THIN, THICK = 20, 100.0, 10.0, 1_000.0
WINDOW = Window(START, START + DAYS * DAY_MS)
ASKED = ConstraintSettings(min_capacity=1.0, capacity_participation=0.01)
THIN_HOURS = 6


class AnHourADay(Strategy):
    """Long for an hour of each day: bought in the bar after it, sold in the one after that."""

    hour = Int(2, low=0, high=21)

    def target(self, bars: StrategyBars) -> Array:
        return np.where(bars.ts // HOUR_MS % 24 == self.hour, 1.0, 0.0)


class Grown(AnHourADay):
    """The same, with a tenth of it for the first half of the hours."""

    def target(self, bars: StrategyBars) -> Array:
        share = np.where(bars.ts < START + DAYS // 2 * DAY_MS, 0.1, 1.0)
        return share * super().target(bars)


def history(symbol: str = "BTC/USDT:USDT", *, volume_factor: float = 1.0) -> SymbolHistory:
    """Bars of one price, with a volume of 10 in the night's hours and of 1,000 in the day's."""
    ts = START + HOUR_MS * np.arange(24 * DAYS, dtype=np.int64)
    volume = volume_factor * np.where(ts // HOUR_MS % 24 < THIN_HOURS, THIN, THICK)
    flat = np.full(ts.size, PRICE)
    series = Bars(symbol, "1h", ts, flat, flat, flat, flat, volume)
    return SymbolHistory(series, series, no_funding(), Specification(), ())


def evaluator(
    *members: SymbolHistory, asked: ConstraintSettings = ASKED, of: type[Strategy] = AnHourADay
) -> BacktestEvaluator:
    return BacktestEvaluator(of, History(members), BacktestSettings(), constraints=asked)


@pytest.mark.parametrize(("hour", "volume"), [(2, THIN), (12, THICK)])
def test_capacity_is_that_share_of_the_bars_that_are_traded_in(hour: int, volume: float) -> None:
    """The whole equity at 1 % of a bar: 1 % of what the bar trades, less the price of a fill."""
    carried = evaluator(history()).capacity(WINDOW, {"hour": hour})
    assert carried == pytest.approx(0.01 * volume * PRICE, rel=0.03)


def test_who_buys_in_thick_bars_and_sells_in_thin_ones_carries_what_the_thin_ones_allow() -> None:
    carried = evaluator(history()).capacity(WINDOW, {"hour": 21})
    assert carried == pytest.approx(0.01 * THICK * PRICE, rel=0.03)
    late = _thin_at_last(history().bars)
    assert evaluator(replace(history(), bars=late, execution_bars=late)).capacity(
        WINDOW, {"hour": 21}
    ) == pytest.approx(0.01 * THIN * PRICE, rel=0.03)


def _thin_at_last(bars: Bars) -> Bars:
    return replace(bars, volume=np.where(bars.ts // HOUR_MS % 24 == 23, THIN, THICK))


def test_a_set_that_trades_in_thin_bars_is_left_out_and_its_twin_in_thick_ones_is_not() -> None:
    """Both turn over the same, and the market trades the same: by the mean neither would be."""
    sets: list[Parameters] = [{"hour": 2}, {"hour": 12}]
    asked = replace(ASKED, min_capacity=0.5 * 0.01 * THICK * PRICE)
    returns = evaluator(history(), asked=asked).search(*WINDOW, sets)
    assert np.isfinite(returns).all(axis=0).tolist() == [False, True]


def test_a_tenth_of_what_is_traded_may_be_too_much_for_its_bar() -> None:
    small_in_thin = FilledShares(np.array([0.05, 0.05, 0.9]), np.array([1.0, 1.0, 1e6]))
    assert capacity_of(small_in_thin, 0.01) == pytest.approx(0.01 * 1e6 / 0.9)
    more = small_in_thin._replace(share=np.array([0.1, 0.1, 0.8]))
    assert capacity_of(more, 0.01) == pytest.approx(0.01 * 1.0 / 0.1)


def test_twice_the_participation_carries_twice_as_much() -> None:
    traded = FilledShares(np.array([0.2, 1.0, 0.5]), np.array([3e4, 2e5, 1e5]))
    assert capacity_of(traded, 0.02) == 2.0 * capacity_of(traded, 0.01)


def test_who_trades_nothing_carries_any_capital() -> None:
    assert capacity_of(FilledShares(np.zeros(3), np.ones(3)), 0.01) == np.inf


def test_a_smaller_share_of_the_account_carries_more() -> None:
    """A tenth for half of the days is a tenth of what is traded: the other nine tell."""
    whole = evaluator(history()).capacity(WINDOW, {"hour": 2})
    assert evaluator(history(), of=Grown).capacity(WINDOW, {"hour": 2}) == pytest.approx(whole, rel=0.03)


def test_several_symbols_carry_what_the_thinnest_of_them_allows() -> None:
    """Each has half of the account; the second's market is ten times thinner."""
    two = evaluator(history(), history("ETH/USDT:USDT", volume_factor=0.1))
    assert two.capacity(WINDOW, {"hour": 12}) == pytest.approx(2 * 0.01 * 0.1 * THICK * PRICE, rel=0.03)
