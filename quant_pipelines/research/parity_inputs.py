"""From the rows of a book's day to the values that are compared: journal, plan, what the strategy says."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.accounting import apply_fill, apply_funding, apply_transfer, open_account
from quant_pipelines.backtest import ExecutionBar, MarkBar
from quant_pipelines.backtest.bar.document import state_document
from quant_pipelines.backtest.bar.state import opening_state
from quant_pipelines.backtest.book.values import FundingSlot
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.instruments import DatedInstrument
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import timeframe_ms, to_ms
from quant_pipelines.parity import (
    BookOpening,
    DayFill,
    DayJournal,
    DayPayment,
    Facts,
    HaltSpan,
    JournaledDecision,
    ReadAhead,
    ReplayPlan,
    SeenBar,
)
from quant_pipelines.parity.journal import FeeRates, JournaledOrder
from quant_pipelines.parity.replay import InForce, kind_of
from quant_pipelines.research.book_plan import BookPlan, rules_of
from quant_pipelines.sdk import Strategy
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.store.book_days import BookDay
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading import BookView, TradingRules
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import ENTRIES, INTERNAL_PREFIX, TARGET, number_of

_FOREVER = 1 << 62
_ZERO = Decimal(0)


class BookFills(NamedTuple):
    """Fills and payments of a venue's book before a day began, oldest first."""

    fills: Sequence[Any]
    income: Sequence[Any]


def plan_of(deployment: Deployment, strategy: Strategy, decisions: Sequence[JournaledDecision]) -> ReplayPlan:
    """Plan of a book's replay: as the runner opens it on paper, under the rules that it journaled.

    Parameters
    ----------
    deployment, strategy
        Whose book, and the version that was deployed.
    decisions
        Of the day: their rules hold until the next one.
    """
    plan = BookPlan(deployment, strategy, rules_of(deployment))
    specifications = plan.specifications
    closes = [one.close_ms for one in decisions]
    own = {one.close_ms: one for one in decisions}
    made: dict[tuple[int, int], InForce] = {}

    def in_force(close_ms: int) -> InForce:
        known = bisect_right(closes, close_ms) - 1
        given = decisions[max(known, 0)].rules if decisions else plan.rules
        ts = close_ms - plan.execution_step_ms
        key = (id(given), specifications.span_at(ts))
        if key not in made:
            made[key] = InForce(specifications.rules_at(given, ts).terms)
        if (at := own.get(close_ms)) is None:
            return made[key]
        return InForce(made[key].terms, at.is_leaving, at.withheld)

    return ReplayPlan(strategy, plan.paper_settings, plan.step_ms, plan.execution_step_ms, in_force)


def journal_of(
    deployment: Deployment, day: BookDay, window: Window, opening: BookOpening | None, depth: DepthSeries
) -> DayJournal:
    """Return the day as values."""
    step_ms = timeframe_ms(deployment.execution_timeframe)
    decisions = tuple(_decisions(day, rules_of(deployment)))
    return DayJournal(
        *window,
        opening,
        tuple(_seen(row, step_ms, depth) for row in day.bars),
        decisions,
        tuple(_trade(row) for row in day.fills),
        tuple(DayPayment(row.ts_ms, row.kind, row.amount) for row in day.income),
        _facts(deployment, day, step_ms),
        _intended(day),
    )


def opening_of(deployment: Deployment, day: BookDay, before: BookFills) -> BookOpening | None:
    """Return what the book began with; one at a venue is built of its fills, its stops of what was kept."""
    if day.opening is None:
        return None
    decided_ms = to_ms(day.decided_at) if day.decided_at else 0
    close_ms, state = to_ms(day.opening.bar_close), day.opening.state
    if deployment.venue == PAPER_VENUE:
        return BookOpening(close_ms, state, decided_ms)
    account = open_account(float(deployment.capital))
    for row in before.fills:
        quantity = float(row.quantity if row.side == "buy" else -row.quantity)
        account = apply_fill(account, quantity, float(row.price), float(row.fee))
    for row in before.income:
        amount, is_capital = float(row.amount), row.kind == TRANSFER
        account = apply_transfer(account, amount) if is_capital else apply_funding(account, -amount)
    empty = state_document(opening_state(account, close_ms))
    marks = {**empty, **(state.get("marks") or {}), "account": empty["account"]}
    first_ms = close_ms - timeframe_ms(deployment.execution_timeframe)
    book = {"last_ts": first_ms, "fills": 0, "purpose": TARGET, "scales": state.get("scales", {})}
    return BookOpening(close_ms, {**book, "state": marks}, decided_ms)


def overlaid(bars: Bars, day: BookDay, deployment: Deployment) -> Bars:
    """Return the strategy's bars as it read them: those of the day as they were seen then."""
    step_ms = timeframe_ms(deployment.timeframe)
    if deployment.timeframe == deployment.execution_timeframe:
        seen = [
            (row.close_ms - step_ms, row.open, row.high, row.low, row.close, row.volume)
            for row in day.bars
            if row.open is not None
        ]
    else:
        seen = [
            (to_ms(datetime.fromisoformat(row.strategy_bar)), *row.bar)
            for row in day.decisions
            if row.bar is not None and row.strategy_bar is not None
        ]
    return with_rows(bars, np.array(seen, dtype=np.float64).reshape(-1, 6))


def with_read_inputs(bars: Bars, day: BookDay) -> Bars:
    """Return bars with each further input as the runner read it at its closes: it may be stored otherwise."""
    if not bars.extras:
        return bars
    row_of = {ts: row for row, ts in enumerate(bars.close_ts.tolist())}
    columns = {name: np.array(column) for name, column in bars.extras.items()}
    for decision in day.decisions:
        row = row_of.get(decision.close_ms)
        for name, told in (decision.inputs or {}).items():
            if row is not None and name in columns and "value" in told:
                columns[name][row] = np.nan if told["value"] is None else told["value"]
    return bars.with_extras(**columns)


class SpokenText(NamedTuple):
    """A strategy, and itself with the parameters that its book went on with from a moment on, ms UTC."""

    first: Strategy
    then: Strategy
    switched_ms: int | None = None

    def readings(self, bars: Bars, rules: TradingRules) -> ReadAhead:
        """Return what it says at each of its bars: by the parameters that were in force at the close."""
        before = readings_of(self.first, bars, rules)
        if self.switched_ms is None:
            return before
        return _joined(before, readings_of(self.then, bars, rules), self.switched_ms)


def _joined(before: ReadAhead, after: ReadAhead, from_ms: int) -> ReadAhead:
    closes = before.bars.close_ts.tolist()
    pairs = zip(closes, before.targets, after.targets, strict=True)
    targets = [new if ts >= from_ms else old for ts, old, new in pairs]
    return before._replace(
        targets=targets, read=lambda row: (after if closes[row] >= from_ms else before).read(row)
    )


def with_rows(bars: Bars, rows: np.ndarray) -> Bars:
    """Return bars with others in the place of those of the same open time; rows of time and five columns."""
    columns = {
        name: np.concatenate([getattr(bars, name), rows[:, at + 1]]) for at, name in enumerate(COLUMNS)
    }
    ts = np.concatenate([bars.ts, rows[:, 0].astype(np.int64)])
    order = np.argsort(ts, kind="stable")
    last = np.append(np.diff(ts[order]) > 0, True)[: ts.size]
    kept = order[last]
    return bars_from_columns(
        bars.symbol, bars.timeframe, {"ts": ts[kept], **{name: one[kept] for name, one in columns.items()}}
    )


def readings_of(strategy: Strategy, bars: Bars, rules: TradingRules) -> ReadAhead:
    """Return what a strategy says at each of its bars, computed once.

    Raises
    ------
    StrategyError
        If it fails, or its target can't be used.
    """
    targets = [] if isinstance(strategy, EventStrategy) else target_of(strategy, bars).tolist()
    read = cache(ahead(strategy, bars, rules, scales=scales_of(strategy, bars)))
    return ReadAhead({ts: row for row, ts in enumerate(bars.close_ts.tolist())}, targets, read, bars)


def _seen(row: Any, step_ms: int, depth: DepthSeries) -> SeenBar:
    ts, ladder = row.close_ms - step_ms, None
    if len(depth):
        at = int(depth.rows_at(np.array([ts]))[0])
        ladder = depth.ladders[at] if at >= 0 else None
    slots = tuple(FundingSlot(*slot) for slot in row.slots) if row.slots else ()
    mark = None if row.mark is None else MarkBar(row.mark)
    prices = (row.open, row.high, row.low, row.close, row.volume)
    return SeenBar(ExecutionBar(ts, *prices, slots, mark, ladder), row.equity, row.booked_ms)


def _decisions(day: BookDay, rules: TradingRules) -> list[JournaledDecision]:
    found = []
    for row in day.decisions:
        if row.rules is not None:
            rules = TradingRules.from_document(row.rules)
        view = row.view and _view(row.view)
        orders = tuple(map(_order, row.orders)) if row.orders else ()
        found.append(
            JournaledDecision(
                row.close_ms,
                row.target,
                view,
                rules,
                row.order_quantity or 0.0,
                row.target_side or 0.0,
                row.denied_by,
                bool(row.is_leaving),
                row.late_seconds or 0.0,
                orders,
                row.withheld or 0.0,
            )
        )
    return found


def _view(told: Mapping[str, float | None]) -> BookView:
    return BookView(**{name: math.inf if value is None else float(value) for name, value in told.items()})


def _order(told: Mapping[str, Any]) -> JournaledOrder:
    return JournaledOrder(told["kind"], float(told["quantity"]), float(told["price"] or 0.0))


def _trade(row: Any) -> DayFill:
    number = number_of(row.purpose) if row.purpose else 0
    reason = row.purpose if row.purpose in ("close", "flatten") else row.reason
    kind = kind_of(reason, number)
    arrival = row.arrival_price if kind == "target" else row.decision_price
    return DayFill(
        row.ts_ms,
        kind,
        row.decided_ms if kind == "target" and row.decided_ms else 0,
        row.quantity if row.side == "buy" else -row.quantity,
        row.price,
        row.fee,
        arrival,
        row.trade_id.startswith(INTERNAL_PREFIX),
        number,
    )


def _facts(deployment: Deployment, day: BookDay, step_ms: int) -> Facts:
    costs = rules_of(deployment).costs
    instrument = deployment.instrument
    declared = [Decimal(repr(bps)) / 10_000 for bps in (costs.fee_bps, costs.maker_fee_bps)]
    published = [instrument.maker_fee, instrument.taker_fee] if instrument else []
    return Facts(
        step_ms,
        instrument.tick_size if instrument else _ZERO,
        instrument.lot_size if instrument else _ZERO,
        FeeRates(min([_ZERO, *declared, *published]), max([*declared, *published])),
        Decimal(repr(costs.slippage_bps + costs.spread_bps / 2)) / 10_000,
        deployment.venue == PAPER_VENUE,
        tuple(HaltSpan(row.start_ms, row.end_ms or _FOREVER, row.message) for row in day.halts),
        _left_open(day),
        _waited(day),
        tuple(map(to_ms, day.specified)),
        tuple(map(to_ms, day.switched)),
        _most_fee_change(deployment.specifications),
        day.n_books,
    )


def _in_parts(day: BookDay) -> dict[int, float]:
    """Signed quantities of the decisions that were sent in parts, by their closes."""
    return {row.close_ms: row.order_quantity for row in day.decisions if row.slice is not None}


def _intended(day: BookDay) -> Mapping[int, float]:
    """Signed quantities intended for a target; of one in parts all of it, where its first part is right."""
    slices = {row.close_ms: row.slice for row in day.decisions}
    found, whole = dict[int, float](), _in_parts(day)
    for row in day.orders:
        if row.purpose == TARGET:
            is_part = float(row.quantity) == slices.get(row.decided_ms)
            signed = float(row.quantity if row.side == "buy" else -row.quantity)
            found[row.decided_ms] = whole[row.decided_ms] if is_part else signed
    return found


def _waited(day: BookDay) -> frozenset[int]:
    """Return the closes of the decisions whose orders rested, or came out in parts."""
    waited = (row for row in day.orders if row.purpose in ENTRIES)
    return frozenset(row.decided_ms for row in waited if row.order_type == "limit") | _in_parts(day).keys()


def _left_open(day: BookDay) -> Mapping[int, Decimal]:
    """Quantity that orders which have ended left open, by the close that they were decided on."""
    wanted, filled = dict[int, Decimal](), dict[int, Decimal]()
    whole = _in_parts(day)
    for row in day.orders:
        if row.purpose in ENTRIES or number_of(row.purpose):
            key = number_of(row.purpose) or row.decided_ms
            if row.purpose != ENTRIES[1] and row.status in FINAL:
                wanted[key] = Decimal(repr(abs(whole[key]))) if key in whole else row.quantity
            filled[key] = filled.get(key, _ZERO) + row.filled_quantity
    return {key: quantity - filled[key] for key, quantity in wanted.items() if quantity > filled[key]}


def _most_fee_change(specifications: Sequence[DatedInstrument]) -> Decimal:
    fees = [(one.instrument.maker_fee, one.instrument.taker_fee) for one in specifications]
    changes = (abs(a - b) for column in zip(*fees, strict=True) for a in column for b in column)
    return max(changes, default=_ZERO)
