"""Stops whose values follow the market, on any path: causal, symmetric, and never away from the price."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.accounting import Account
from quant_pipelines.backtest import BacktestResult, BacktestSettings, Book, BookSettings, run_backtest
from quant_pipelines.backtest.bar.state import StepBar, StepTerms, with_scales
from quant_pipelines.backtest.bar.step import opening_state, step_bar
from quant_pipelines.backtest.bar.stops import NOTHING_SEEN, StopScales, StopTerms
from quant_pipelines.backtest.book.values import BookedFill, BookEvent
from quant_pipelines.backtest.market.market import prepare_market
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.costs import CostTerms
from quant_pipelines.portfolio import Fixed
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading import TradingRules, decide
from tests.parity.stream import execution_stream
from tests.property.examples import examples

N_BARS = 120
moves = st.lists(st.integers(-400, 400), min_size=N_BARS, max_size=N_BARS)
wanted = st.lists(st.sampled_from([1.0, -1.0, 0.0, float("nan")]), min_size=N_BARS // 4, max_size=N_BARS // 4)
factors = st.lists(st.sampled_from([0.3, 0.7, 1.0, 1.9, float("nan")]), min_size=N_BARS, max_size=N_BARS)
STOPS = {
    "hard_stop": 0.0,
    "atr_stop": 0.0,
    "volatility_stop": 0.0,
    "chandelier_stop": 0.0,
    "sar_stop": 0.0,
    "time_stop": 0,
    "equity_stop": 0.0,
    "take_profit": 0.0,
}
values = st.fixed_dictionaries(
    {
        "hard_stop": st.sampled_from([0.0, 0.01, 0.05]),
        "atr_stop": st.sampled_from([0.0, 1.3, 4.1]),
        "volatility_stop": st.sampled_from([0.0, 1.1, 3.3]),
        "chandelier_stop": st.sampled_from([0.0, 1.7, 4.3]),
        "sar_stop": st.sampled_from([0.0, 0.02]),
        "time_stop": st.sampled_from([0, 9]),
        "equity_stop": st.sampled_from([0.0, 0.02]),
        "take_profit": st.sampled_from([0.0, 0.03]),
        "slope_tightening": st.sampled_from([0.0, 0.4]),
    }
)
absolute = values.map(lambda given_: {**given_, "hard_stop": 0.0, "volatility_stop": 0.0, "take_profit": 0.0})


class Scripted(Strategy):
    """Targets and factors from lists; one list of factors shifts from stop to stop."""

    script: Array = np.zeros(0)
    factors: Array = np.zeros(0)
    stops = Stops(
        hard_stop=Float(0.0, low=0.0, high=0.5),
        atr_stop=Float(0.0, low=0.0, high=9.0),
        volatility_stop=Float(0.0, low=0.0, high=9.0),
        chandelier_stop=Float(0.0, low=0.0, high=9.0),
        sar_stop=Float(0.0, low=0.0, high=1.0),
        time_stop=Int(0, low=0, high=100),
        equity_stop=Float(0.0, low=0.0, high=0.9),
        take_profit=Float(0.0, low=0.0, high=0.5),
        slope_tightening=Float(0.0, low=0.0, high=1.0),
        atr_window=4,
        volatility_window=6,
        equity_slope_days=1,
    )

    def target(self, bars: Bars) -> Array:
        return self.script[: len(bars)]

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        return {name: np.roll(self.factors, at)[: len(bars)] for at, name in enumerate(STOPS)}


def scripted(targets: list[float], scale: list[float], given_: dict[str, Any]) -> Strategy:
    class Script(Scripted):
        script = np.repeat(np.array(targets), 4)
        factors = np.array(scale)

    return Script(**given_)


def bars_of(ticks: list[int], *, is_mirrored: bool = False) -> Bars:
    """Prices on a binary grid around 1000, so that a mirror image is exact."""
    close = 1000.0 + np.cumsum(ticks) / 64.0
    gaps = np.array(ticks[::-1]) // 8 / 64.0
    open_ = np.concatenate([[1000.0], close[:-1]]) + gaps
    high, low = np.maximum(open_, close) + 1.25, np.minimum(open_, close) - 0.75
    if is_mirrored:
        open_, high, low, close = (2000.0 - one for one in (open_, low, high, close))
    ts = HOUR_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("BTC/USDT:USDT", "1h", ts, open_, high, low, close, np.ones(N_BARS))


FREE = TradingRules(costs=CostSettings(0.0, 0.0), sizing=Fixed(1.0))


def backtest(strategy: Strategy, bars: Bars, rules: TradingRules = FREE) -> BacktestResult:
    return run_backtest(strategy, bars, settings=BacktestSettings(20_000.0, rules))


class Moment(NamedTuple):
    """A book before a bar, what the bar did, and the book after the decision after it."""

    held: float
    equity: float
    stop: float | None
    pending: float
    events: list[BookEvent]
    book: Book


def driven(strategy: Strategy, bars: Bars, rules: TradingRules) -> Iterator[Moment]:
    """Drive a book as the event backtest does."""
    settings_ = BacktestSettings(20_000.0, rules)
    market = prepare_market(bars, settings_)
    terms = settings_.step_terms(strategy, HOUR_MS, HOUR_MS)
    book = Book(BookSettings(settings_.capital, rules, terms.hard_stop, "1h", terms.stops))
    target = target_of(strategy, bars)
    for i, bar in enumerate(execution_stream(market, no_funding())):
        before = (book.account.position, book.equity, book.stop_price, book.pending)
        events = book.step(bar)
        decision = decide(book.view(), float(target[i]), rules)
        inputs = latest_of(strategy, bars.rows(0, i + 1), rules).inputs
        book.submit(decision.order_quantity, target_side=decision.target_side, inputs=inputs)
        yield Moment(*before, events, book)


@given(moves, wanted, values)
@settings(max_examples=examples(60))
def test_factor_on_every_stop_is_another_declared_value(
    ticks: list[int], targets: list[float], given_: dict[str, Any]
) -> None:
    plain = {name: value for name, value in given_.items() if name != "slope_tightening"}
    halved = {name: value / 2 for name, value in plain.items() if name != "time_stop"}
    scaled = backtest(scripted(targets, [0.5] * N_BARS, {**plain, "time_stop": 10}), bars_of(ticks))
    declared = backtest(
        scripted(targets, [float("nan")] * N_BARS, {**halved, "time_stop": 5}), bars_of(ticks)
    )
    assert scaled.trade_rows.tobytes() == declared.trade_rows.tobytes()
    assert scaled.bar_equity.tobytes() == declared.bar_equity.tobytes()


@given(moves, wanted, factors, values, st.integers(1, N_BARS - 1))
@settings(max_examples=examples(60))
def test_future_changes_no_past_equity_behind_scaled_stops(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any], cut: int
) -> None:
    bars, strategy = bars_of(ticks), scripted(targets, scale, given_)
    whole, part = backtest(strategy, bars).bar_equity, backtest(strategy, bars.rows(0, cut)).bar_equity
    assert part.tobytes() == whole[:cut].tobytes()


@given(moves, wanted, factors, values)
@settings(max_examples=examples(60))
def test_future_factor_changes_no_past_equity(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any]
) -> None:
    bars, cut = bars_of(ticks), N_BARS // 2
    other = [*scale[:cut], *([0.11] * (N_BARS - cut))]
    shifted = len(STOPS) - 1  # of the last stop's factors; those are known so many bars later
    one = backtest(scripted(targets, scale, given_), bars).bar_equity
    same = backtest(scripted(targets, [*other[:-shifted], *scale[-shifted:]], given_), bars).bar_equity
    assert one[: cut + 1].tobytes() == same[: cut + 1].tobytes()


@given(moves, wanted, factors, absolute)
@settings(max_examples=examples(80))
def test_mirrored_market_mirrors_every_trade(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any]
) -> None:
    given_ = {**given_, "equity_stop": 0.0}
    up = backtest(scripted(targets, scale, given_), bars_of(ticks))
    down = backtest(scripted([-one for one in targets], scale, given_), bars_of(ticks, is_mirrored=True))
    assert [trade.exit_reason for trade in up.trades] == [trade.exit_reason for trade in down.trades]
    assert [trade.exit_time for trade in up.trades] == [trade.exit_time for trade in down.trades]
    assert [trade.side for trade in up.trades] != [trade.side for trade in down.trades] or not up.trades
    assert up.bar_equity == pytest.approx(down.bar_equity, abs=1e-6)


@given(
    st.floats(0.01, 0.3),
    st.floats(0.1, 5.0),
    st.floats(0.1, 5.0),
    st.floats(0.2, 3.0),
    st.sampled_from([1.0, 0.5]),
)
@settings(max_examples=examples(60))
def test_distances_at_the_entry_are_the_same_for_either_side(
    hard: float, atr: float, volatility: float, scale: float, tightening: float
) -> None:
    seen = NOTHING_SEEN._replace(atr=3.0, deviation=0.02, tightening=tightening)
    stops = StopTerms(hard=hard, atr=atr, volatility=volatility, target=0.5, slope_tightening=0.5)
    terms = with_scales(
        StepTerms(CostTerms(0.0, 0.0), hard, 0.0, HOUR_MS, stops), StopScales(*[scale] * len(StopScales()))
    )
    expected = min(100.0 * hard, atr * 3.0, volatility * 0.02 * 100.0) * scale * tightening
    for side in (1.0, -1.0):
        account = Account(1_000.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        state = opening_state(account, 0)
        state = state._replace(order=state.order._replace(quantity=side), seen=seen, close=100.0)
        after = step_bar(state, StepBar(0, 100.0, 100.0, 100.0, 100.0, 0.0), terms).state
        price, guard = after.stop
        assert side * (100.0 - price) == pytest.approx(expected)
        assert side * (guard.goal - 100.0) == pytest.approx(50.0 * scale)
        assert (guard.hard, guard.target) == pytest.approx((hard * scale * tightening, 0.5 * scale))


@given(moves, wanted, factors, values)
@settings(max_examples=examples(40))
def test_level_moves_only_toward_the_price(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any]
) -> None:
    for moment in driven(scripted(targets, scale, given_), bars_of(ticks), FREE):
        book = moment.book
        if moment.stop is None or any(isinstance(event, BookedFill) for event in moment.events):
            continue
        assert book.stop_price is not None
        assert book.account.position * (book.stop_price - moment.stop) >= 0.0


@given(moves, wanted, factors, values)
@settings(max_examples=examples(40))
def test_flat_book_has_no_exposure(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any]
) -> None:
    for moment in driven(scripted(targets, scale, given_), bars_of(ticks), TradingRules()):
        if moment.held == 0.0 and moment.pending == 0.0:
            assert (moment.book.equity, moment.events) == (moment.equity, [])
        if moment.book.account.position == 0.0:
            assert moment.book.equity == moment.book.account.cash
            assert moment.book.stop_price is None


@given(moves, wanted, factors, values)
@settings(max_examples=examples(60))
def test_change_of_equity_is_profit_less_fees_behind_scaled_stops(
    ticks: list[int], targets: list[float], scale: list[float], given_: dict[str, Any]
) -> None:
    result = run_backtest(
        scripted(targets, scale, given_), bars_of(ticks), settings=BacktestSettings(close_at_end=True)
    )
    gross = sum(
        (1.0 if trade.side == "long" else -1.0) * trade.quantity * (trade.exit_price - trade.entry_price)
        for trade in result.trades
    )
    assert result.final_equity - result.capital == pytest.approx(gross - result.fees_paid, abs=1e-6)
    assert sum(trade.pnl for trade in result.trades) == pytest.approx(gross - result.fees_paid, abs=1e-6)
