"""Where a fold follows a fold: nothing is closed, nothing begins flat, and no slot is paid twice or never."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestResult, BacktestSettings
from quant_pipelines.backtest.account.run import run_symbols
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, to_ms
from quant_pipelines.optimize.space import Dimension, Parameters, Space
from quant_pipelines.optimize.walk_forward import FoldResult, Plan, WalkForward, walk_forward
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.fill_inputs import FillInputs
from quant_pipelines.research.held_funding import known_funding_of
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Array, EventStrategy, Float, Int, Stops, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from quant_pipelines.sdk.desk import Desk
from quant_pipelines.trading import Specification, TradingRules
from tests.parity.worlds import random_bars

END = day_start_ms("2025-06-11")
WINDOWS = WindowSettings(train_days=6, test_days=5, folds=4, purge_hours=0)
FIRST_MS = END - 20 * DAY_MS


class Beyond(Strategy):
    """Long above the mean of a window, short below it: nothing of it remembers where the bars begin."""

    window = Int(20, low=2, high=60)
    stops = Stops(hard_stop=Float(0.05, low=0.0, high=0.5), take_profit=Float(0.04, low=0.0, high=0.5))

    def target(self, bars: StrategyBars) -> Array:
        last = np.lib.stride_tricks.sliding_window_view(bars.close, self.window)
        wanted = np.full(len(bars), np.nan)
        wanted[self.window - 1 :] = np.sign(last[:, -1] - last.mean(axis=1).round(9))
        return wanted


class Always(Beyond):
    """The same without stops: never flat."""

    stops = Stops()


class Resting(EventStrategy):
    """Rests limits around the price, and takes the older ones back."""

    window = Int(20, low=2, high=60)

    def on_bar(self, desk: Desk, bars: StrategyBars) -> None:
        desk.memory["bars"] = desk.memory.get("bars", 0) + 1
        if desk.memory["bars"] % 7 == 0:
            desk.cancel_all()
            desk.limit(0.4, float(bars.close[-1]) * 0.995)
            desk.limit(-0.4, float(bars.close[-1]) * 1.005)


class Chosen(BacktestEvaluator):
    """Its search finds what it is told in each fold, by the end of the train window; None is nothing."""

    def __init__(
        self, kind: type[Strategy], history: History, settings: BacktestSettings, found: dict[int, int | None]
    ) -> None:
        super().__init__(kind, history, settings)
        self.found = found

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        wanted = self.found.get((end_ms - FIRST_MS) // (5 * DAY_MS), 20)
        days = 1 + np.arange((end_ms - start_ms) // DAY_MS) % 2
        if wanted is None:
            return np.full((days.size, len(parameter_sets)), np.nan)
        return np.stack(
            [0.01 * days if one["window"] == wanted else -0.01 * days for one in parameter_sets], 1
        )


def hours(seed: int, symbol: str = "X/USDT:USDT") -> Bars:
    n = 24 * 40
    walk = replace(random_bars(n, seed), symbol=symbol, timeframe="1h")
    return replace(walk, ts=END - n * HOUR_MS + HOUR_MS * np.arange(n, dtype=np.int64))


def history_of(*members: Bars) -> History:
    slots = END - 8 * HOUR_MS * np.arange(120, 0, -1, dtype=np.int64)
    funding = FundingSeries(slots, np.full(slots.size, 0.002), np.full(slots.size, np.nan))
    return History(tuple(SymbolHistory(one, one, funding, Specification(), ()) for one in members))


def plan(end_ms: int = END, *, folds: int = 4) -> Plan:
    space = Space((Dimension("window", 20, 21, True),), is_valid=lambda _: True)
    return Plan(
        space,
        replace(WINDOWS, folds=folds),
        end_ms,
        "grid",
        trials=2,
        objective="profit_factor",
        cover_points=2,
    )


def walked(kind: type[Strategy], members: Sequence[Bars], found: dict[int, int | None]) -> WalkForward:
    evaluator = Chosen(kind, history_of(*members), BacktestSettings(), found)
    return walk_forward(evaluator, plan())


def uncut(kind: type[Strategy], members: Sequence[Bars], first_ms: int = FIRST_MS) -> BacktestResult:
    """One run from the first fold on, on the bars that its evaluator shows to the strategy."""
    history = history_of(*members)
    feeds = {one.bars.symbol: replace(one.feed((0, END)), execution_bars=one.bars) for one in history.members}
    bars = [one.between(FIRST_MS - 6 * DAY_MS, END) for one in members]
    settings = BacktestSettings(trade_from_ms=first_ms, has_bar_equity=False)
    return run_symbols(kind(window=20), bars, feeds=feeds, settings=settings)


BOOKS = {
    "target": (Beyond, [hours(1)]),
    "targets of two symbols": (Beyond, [hours(1), hours(2, "Y/USDT:USDT")]),
    "orders": (Resting, [hours(3)]),
    "orders of two symbols": (Resting, [hours(3), hours(4, "Y/USDT:USDT")]),
}


@pytest.mark.parametrize("name", BOOKS)
def test_folds_of_the_same_parameters_equal_one_run_that_is_not_cut(name: str) -> None:
    kind, members = BOOKS[name]
    whole, record = uncut(kind, members), walked(kind, members, {}).out_of_sample
    assert record.returns.tobytes() == whole.daily_returns.tobytes()
    assert [to_ms(trade.entry_time) for trade in whole.trades] == [one["entry_time"] for one in record.trades]
    assert [trade.pnl for trade in whole.trades] == [one["pnl"] for one in record.trades]
    edges = [FIRST_MS + fold * 5 * DAY_MS for fold in (1, 2, 3)]
    assert any(one["entry_time"] < edge < one["exit_time"] for one in record.trades for edge in edges)


@pytest.mark.parametrize("name", BOOKS)
def test_record_of_single_nights_equals_the_record_of_one(name: str) -> None:
    kind, members = BOOKS[name]
    evaluator = Chosen(kind, history_of(*members), BacktestSettings(), {1: 21})
    at_once = walk_forward(evaluator, plan(folds=5)).out_of_sample
    known: dict[int, FoldResult] = {}
    for end_ms in range(END - 7 * DAY_MS, END + DAY_MS, DAY_MS):
        night = walk_forward(evaluator, plan(end_ms), finished=known)
        known = {one.fold.index: one for one in night.folds}
    nightly = night.out_of_sample
    assert nightly.days.tolist() == at_once.days.tolist()
    assert nightly.returns.tobytes() == at_once.returns.tobytes()
    assert nightly.trades == at_once.trades


def test_position_is_taken_over_by_other_parameters_at_the_costs_of_the_difference() -> None:
    record = walked(Always, [hours(1)], {1: 21, 2: 20, 3: 21}).out_of_sample
    assert {one["exit_reason"] for one in record.trades} & {"end"} == set()
    edge = FIRST_MS + 5 * DAY_MS
    assert record.returns[:5].tobytes() == uncut(Always, [hours(1)]).daily_returns[:5].tobytes()
    held = [one for one in record.trades if one["entry_time"] < edge < one["exit_time"]]
    assert len(held) == 1


def test_fold_without_parameters_closes_at_its_first_open_what_was_held_and_stays_flat() -> None:
    record = walked(Always, [hours(1)], {1: None}).out_of_sample
    edge = FIRST_MS + 5 * DAY_MS
    within = [one for one in record.trades if edge <= one["exit_time"] < edge + 5 * DAY_MS]
    assert [(one["exit_time"], one["exit_reason"]) for one in within] == [(edge, "target")]
    assert record.returns[5] != 0.0
    assert not record.returns[6:10].any()
    assert record.returns[10:].any()


def test_orders_of_another_strategy_are_not_left_to_new_parameters() -> None:
    record = walked(Resting, [hours(3)], {1: 21}).out_of_sample
    edge = FIRST_MS + 5 * DAY_MS
    assert [one["exit_time"] for one in record.trades if one["entry_time"] < edge <= one["exit_time"]] == [
        edge
    ]


def test_every_funding_slot_is_paid_by_one_fold() -> None:
    class Long(Always):
        def target(self, bars: StrategyBars) -> Array:
            return np.ones(len(bars))

    n = 24 * 40
    ts, flat = END - n * HOUR_MS + HOUR_MS * np.arange(n, dtype=np.int64), np.full(n, 100.0)
    bars = Bars("X/USDT:USDT", "1h", ts, flat, flat, flat, flat, np.ones(n))
    free = TradingRules(costs=CostSettings(fee_bps=0.0, slippage_bps=0.0), rebalance_band=1.0)
    evaluator = Chosen(Long, history_of(bars), BacktestSettings(rules=free), {2: 21})
    record = walk_forward(evaluator, plan()).out_of_sample
    slots = 3 * 20 - 1  # the one at the first open comes before the first fill
    assert np.prod(1.0 + record.returns) == pytest.approx(1.0 - 0.002 * slots, rel=1e-12)


def test_longest_holding_is_that_of_the_trades_and_of_what_is_held_at_the_end() -> None:
    evaluator = BacktestEvaluator(Always, history_of(hours(1)), BacktestSettings())
    whole = uncut(Always, [hours(1)], FIRST_MS - 6 * DAY_MS)
    held = [to_ms(trade.exit_time) - to_ms(trade.entry_time) for trade in whole.trades]
    longest = max(held)
    window = (FIRST_MS - 6 * DAY_MS, END)
    assert evaluator.longest_holding_ms(*window, {"window": 20}) == longest
    trade = whole.trades[held.index(longest)]
    half = (FIRST_MS - 6 * DAY_MS, to_ms(trade.entry_time) + longest - HOUR_MS)
    assert evaluator.longest_holding_ms(*half, {"window": 20}) == longest - HOUR_MS


@pytest.mark.parametrize("missing", [4, 5, 7, 9], ids=lambda day: f"day {day}")
def test_day_without_bars_earns_nothing_and_every_other_day_stays_where_it_is(missing: int) -> None:
    whole = hours(1)
    gap = FIRST_MS + missing * DAY_MS
    kept = (whole.ts < gap) | (whole.ts >= gap + DAY_MS)
    columns = ("ts", "open", "high", "low", "close", "volume")
    bars = replace(whole, **{name: getattr(whole, name)[kept] for name in columns})
    evaluator = Chosen(Always, history_of(bars), BacktestSettings(), {})
    at_once = walk_forward(evaluator, plan())
    record = at_once.out_of_sample
    assert record.days.tolist() == list(range(FIRST_MS, END, DAY_MS))
    assert record.returns.tobytes() == uncut(Always, [bars]).daily_returns.tobytes()
    assert record.returns[missing] == 0.0
    assert at_once.cover.shape == (20, 2)
    known: dict[int, FoldResult] = {}
    for end_ms in range(FIRST_MS + 2 * DAY_MS, END + DAY_MS, DAY_MS):
        known = {
            one.fold.index: one
            for one in walk_forward(evaluator, plan(end_ms, folds=1), finished=known).folds
        }
    nightly = WalkForward(tuple(known[index] for index in sorted(known)))
    assert nightly.out_of_sample.returns.tobytes() == record.returns.tobytes()
    assert nightly.cover.shape == (20, 2)


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_held_over_a_redenomination_is_held_in_the_new_scale(name: str) -> None:
    kind, members = BOOKS[name]
    settings, edge = BacktestSettings(), FIRST_MS + 7 * DAY_MS
    prices = {column: 8.0 * getattr(members[0], column) for column in ("open", "high", "low", "close")}
    scaled = history_of(replace(members[0], **prices, volume=members[0].volume / 8.0), *members[1:])
    first = replace(scaled.members[0], fill_inputs=FillInputs(factors=(PriceFactor(edge, 8.0),)))
    scaled = replace(scaled, members=(first, *scaled.members[1:]))
    before = walk_forward(Chosen(kind, history_of(*members), settings, {}), plan(edge, folds=2))
    known = {one.fold.index: one for one in before.folds}
    record = walk_forward(Chosen(kind, scaled, settings, {}), plan(), finished=known).out_of_sample
    assert np.abs(record.returns).max() < 0.2
    if kind is Beyond:
        assert record.returns.tobytes() == uncut(kind, members).daily_returns.tobytes()


def test_funding_of_what_is_never_closed_counts_as_what_is_known_of_it() -> None:
    class Long(Always):
        def target(self, bars: StrategyBars) -> Array:
            return np.ones(len(bars))

    history = history_of(hours(1))
    none = FundingSeries(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    unpaid = replace(history, members=(replace(history.members[0], funding=none),))
    settings = BacktestSettings(rules=TradingRules(rebalance_band=1.0))
    record = walk_forward(Chosen(Long, unpaid, settings, {}), plan()).out_of_sample
    assert record.trades == ()
    assert known_funding_of(record, unpaid).share == 0.0
    assert known_funding_of(record, history).share == pytest.approx(1.0, abs=0.02)
