"""The backtest of a strategy whose handlers are compiled: one compiled pass, not a call at each close."""

from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest.bar.document import state_document, state_from_document
from quant_pipelines.backtest.bar.state import opening_state, with_inputs
from quant_pipelines.backtest.bar.stops import NO_SCALES, StopInputs
from quant_pipelines.backtest.bar.trades import NO_TRADE
from quant_pipelines.backtest.batch.loop import LoopResult, Start
from quant_pipelines.backtest.batch.run_pass import new_record, with_room
from quant_pipelines.backtest.book.handled_loop import Handled, HandledResult, Opening, run_handled
from quant_pipelines.backtest.book.working import WorkingOrders
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record, Tape
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.portfolio.sizing import VolatilityTarget
from quant_pipelines.portfolio.volatility import realized_volatility
from quant_pipelines.sdk.asks import OrderNews, no_asks
from quant_pipelines.sdk.compiled import CompiledStrategy, numbers_of
from quant_pipelines.sdk.event import features_of
from quant_pipelines.sdk.scales import declares_scales
from quant_pipelines.sdk.strategy import Strategy


class Before(NamedTuple):
    """How a run begins: state and open round trip, orders that rest, and documents of the run before."""

    start: Start
    working: WorkingOrders
    book: dict[str, Any]
    run: dict[str, Any]


class _Pass(NamedTuple):
    """What is the same at each attempt of a pass."""

    strategy: CompiledStrategy
    market: Market
    settings: BacktestSettings
    tape: Tape
    features: FloatArray


Driven: TypeAlias = tuple[LoopResult, Record, dict[str, Any] | None]
"""As ``drive`` returns it."""


class Passed(NamedTuple):
    """A pass that went well: how it began, what it was given, what it has found and written."""

    given: _Pass
    handled: Handled
    before: Before
    found: HandledResult
    record: Record


def handled_by(strategy: Strategy, market: Market, settings: BacktestSettings, tape: Tape) -> Driven | None:
    """Run a strategy as ``passed_by`` does; beside the result and its record, what ``desk_after`` says."""
    passed = passed_by(strategy, market, settings, tape)
    return (passed.found.result, passed.record, _desk_after(passed)) if passed else None


def passed_by(strategy: Strategy, market: Market, settings: BacktestSettings, tape: Tape) -> Passed | None:
    """Run a strategy over a market, if the compiled loop knows all that it asks for; else None.

    It knows no factors on stops and no events that wait to be told, and it doesn't say what went wrong where
    a handler asks for what no desk allows. All that is for ``drive``, which calls the same handlers.

    Raises
    ------
    StrategyError
        If the features or the handlers can't be used.
    """
    desk = settings.carried.books[0].desk if settings.carried else None
    if not isinstance(strategy, CompiledStrategy) or declares_scales(strategy):
        return None
    if desk and desk["run"]["events"]:
        return None
    record = new_record(
        market, has_bar_equity=settings.has_bar_equity, has_bar_position=settings.has_bar_position
    )
    given = _Pass(strategy, market, settings, tape, _features(strategy, market))
    while True:
        before = _before(settings, int(market.execution.ts[0]))  # a pass changes what it is given
        handled = _handled(given, before)
        found = _passed(given, handled, before, record)
        if found.wrong_bar >= 0:
            return None
        n_trades = found.result.log.finished
        if n_trades <= record.trades.shape[1]:
            return Passed(given, handled, before, _with_known_inputs(found), record)
        record = with_room(record, n_trades)


def _before(settings: BacktestSettings, first_ts: int) -> Before:
    carried = settings.carried.books[0] if settings.carried else None
    run: dict[str, Any] = {"memory": {}, "is_started": False, "asked_ms": 0}
    if carried is None:
        start = Start(opening_state(open_account(settings.capital), first_ts), NO_TRADE)
        return Before(start, WorkingOrders(), {"fills": 0, "purpose": "target"}, run)
    book = carried.book_document
    start = Start(state_from_document(book["state"]), carried.trade)
    return Before(
        start, WorkingOrders.from_document(book), book, carried.desk["run"] if carried.desk else run
    )


def _features(strategy: CompiledStrategy, market: Market) -> FloatArray:
    """Features by the names that the handlers know, and a row in which nothing is known."""
    known = features_of(strategy, market.bars)
    rows = np.full((len(market.bars) + 1, len(strategy.row)), np.nan)
    for at, name in enumerate(strategy.row):
        if name not in known:
            owner = type(strategy).__name__
            raise StrategyError(f"{owner}: features has no {name}; expected what row names")
        rows[:-1, at] = known[name]
    return rows


def _handled(given: _Pass, before: Before) -> Handled:
    strategy, market, sizing = given.strategy, given.market, given.settings.rules.sizing
    remembered, volatility = before.run["memory"], np.empty(0)
    if isinstance(sizing, VolatilityTarget):
        volatility = realized_volatility(market.bars, sizing.window)
    return Handled(
        market.decision_row,
        market.row_before,
        given.features,
        volatility,
        numbers_of(strategy),
        np.array([float(remembered.get(name, 0.0)) for name in strategy.memory], dtype=np.float64),
        no_asks(),
        int(market.bars.step_ms),
    )


def _passed(given: _Pass, handled: Handled, before: Before, record: Record) -> HandledResult:
    strategy, market, settings = given.strategy, given.market, given.settings
    handlers = strategy.handlers.compiled
    rules = settings.rules_at(int(market.execution.ts[0]))
    first = replace(settings, rules=rules)
    terms = first.loop_terms([strategy], market.execution.step_ms, market.bars.step_ms)
    working = before.working
    n_told = working.room_of_fills.shape[0] + working.table.rows.shape[0]
    events = np.empty((n_told, len(OrderNews._fields)))
    return run_handled(
        (handlers["on_bar"].address, handlers["on_order"].address),
        given.tape,
        Opening(before.start, working.table, working.room_of_fills, events, handled),
        terms,
        record,
    )


def _with_known_inputs(found: HandledResult) -> HandledResult:
    """Keep 0 for an input of the stops that isn't known, as a book does."""
    seen = found.result.state.seen
    known = StopInputs(float(np.nan_to_num(seen.atr)), float(np.nan_to_num(seen.deviation)))
    return found._replace(result=found.result._replace(state=with_inputs(found.result.state, known)))


def _desk_after(passed: Passed) -> dict[str, Any]:
    """Return what is left besides the state; see ``CarriedBook``."""
    given, handled, before, found, _ = passed
    execution, rows = given.market.execution, given.market.decision_row
    decided = np.flatnonzero(rows >= 0)
    asked_ms = int(execution.close_ts[decided[-1]]) if decided.size else before.run["asked_ms"]
    book = {
        "last_ts": int(execution.ts[-1]),
        "fills": before.book["fills"] + found.n_fills,
        "purpose": before.book["purpose"],
        "scales": NO_SCALES._asdict(),
        "state": state_document(found.result.state),
        **WorkingOrders.of(found.orders).to_document(),
    }
    run: dict[str, Any] = {
        "memory": dict(zip(given.strategy.memory, handled.memory.tolist(), strict=True)),
        "is_started": bool(decided.size) or before.run["is_started"],
        "asked_ms": asked_ms,
        "events": [],
    }
    return {"book": book, "run": run}
