"""The bar on which nothing happens, for K books abreast: what ``step_bar`` would do to it, and no more.

Whatever does happen is ``step_bar``'s: these functions only say, on the side of caution, whether something
could. A book that is stepped on a quiet bar ends in the same state, to the last bit.
"""

import math
from typing import NamedTuple

from quant_pipelines.accounting.account import equity
from quant_pipelines.accounting.margin import forced_price
from quant_pipelines.backtest.bar.state import BookState, Curve, StepTerms, counted_cash
from quant_pipelines.backtest.bar.stops import (
    CHANDELIER_STOP,
    Guard,
    Seen,
    Standing,
    needs_every_bar,
    side_of,
    since_entry,
)
from quant_pipelines.backtest.market.spans import step_terms_of
from quant_pipelines.backtest.market.tape import LoopTerms
from quant_pipelines.core.jit import change_of, inlined
from quant_pipelines.core.lanes import Lanes, Word, bits, either, get, put, sel, splat, unlikely, vabs, vmax
from quant_pipelines.portfolio.sizing import FIXED, VOLATILITY_TARGET
from quant_pipelines.trading.cycle import sign_of
from quant_pipelines.trading.rules import TradingTerms

ROUNDING = 1e-9


class Quiet(NamedTuple):
    """What a quiet bar reads and moves, a lane for each book.

    Parameters
    ----------
    cash, position, entry_price
        Of the account; cash as equity counts it.
    side
        -1 for a short position, else 1: prices times ``side`` rise in the position's favor.
    stop, limit, goal
        Prices times ``side`` of stop, liquidation and take-profit, at or beyond which the book must be
        stepped; infinite is never.
    best, trail
        Best price since the entry times ``side``, and the distance at which a stop trails it in average true
        ranges; infinite is no such stop.
    wake
        Open time of the first bar in which the book must be stepped whatever the prices, milliseconds.
    wanted
        Target within the allowed range; 0 where no decision can follow from a price.
    slack
        Base quantity by which the wanted position may differ from the held one before a decision is due;
        infinite is never, minus infinite is at every bar.
    equity
        At the last close, quote.
    peak, deepest
        Highest equity at a close, and the deepest fall from it as a positive fraction.
    """

    cash: Lanes
    position: Lanes
    entry_price: Lanes
    side: Lanes
    stop: Lanes
    limit: Lanes
    goal: Lanes
    best: Lanes
    trail: Lanes
    wake: Lanes
    wanted: Lanes
    slack: Lanes
    equity: Lanes
    peak: Lanes
    deepest: Lanes


_marked = change_of(Quiet, "equity", "peak", "deepest")
_trailed = change_of(Quiet, "stop", "best")
_held = change_of(Quiet, "cash", "position", "entry_price", "side", "stop", "limit", "goal", "best", "trail")
_calmed = change_of(Quiet, "wake", "wanted", "slack")
_recalled = change_of(BookState, "stop", "curve", "close", "seen")
_worth = change_of(Curve, "equity")
_followed = change_of(Guard, "reason", "best")
_tightened = change_of(Seen, "tightening")


class Worth(NamedTuple):
    """Base quantity of a full target at a bar: (equity x ``weight`` + ``quantity``) / ``unit_cost``."""

    weight: float
    quantity: float
    unit_cost: float


@inlined
def reached(quiet: Quiet, ts: int, low: float, high: float) -> Word:
    """Lanes, as bits, whose time has come, or whose stop, liquidation or goal lies within the bar."""
    is_short = quiet.side < 0.0
    adverse = sel(is_short, -high, low)
    favorable = sel(is_short, -low, high)
    is_closed = either(adverse <= quiet.stop, adverse <= quiet.limit)
    return bits(either(either(is_closed, favorable >= quiet.goal), quiet.wake <= float(ts)))


@inlined
def marked(quiet: Quiet, close: float) -> Quiet:
    """Equity, peak and drawdown at a close."""
    value = equity(quiet, close)  # type: ignore[arg-type]  # has the three fields of an account
    peak = vmax(quiet.peak, value)
    fall = peak - value
    is_deeper = fall > quiet.deepest * peak
    deepest = quiet.deepest
    if unlikely(bits(is_deeper) != 0):
        deepest = sel(is_deeper, fall / peak, deepest)
    return _marked(quiet, equity=value, peak=peak, deepest=deepest)


@inlined
def trailed(quiet: Quiet, low: float, high: float, atr: float) -> Quiet:
    """Best prices and trailing stops at a close; see ``stops.moved``."""
    favorable = sel(quiet.side < 0.0, -low, high)
    best = vmax(quiet.best, favorable)  # of no meaning where ``trail`` is infinite
    return _trailed(quiet, stop=vmax(quiet.stop, best - quiet.trail * atr), best=best)


@inlined
def worth_at(close: float, volatility: float, terms: TradingTerms) -> Worth:
    """Value of a full target; see ``portfolio.sizing.desired_quantity``."""
    if terms.sizing.kind == FIXED:
        return Worth(0.0, terms.sizing.amount, 1.0)
    weight = terms.sizing.amount
    if terms.sizing.kind == VOLATILITY_TARGET:
        weight = min(terms.sizing.max_weight, weight / volatility) if volatility > 0.0 else 0.0
    unit_cost = close * (1.0 + terms.costs.slippage_rate) * (1.0 + terms.costs.fee_rate)
    return Worth(weight, 0.0, unit_cost)


@inlined
def content(quiet: Quiet, worth: Worth) -> Word:
    """Lanes, as bits, for which a decision would certainly change nothing."""
    desired = quiet.wanted * (quiet.equity * worth.weight + worth.quantity)
    drift = vabs(desired - quiet.position * worth.unit_cost)
    return bits(drift <= quiet.slack * worth.unit_cost)


@inlined
def quiet_lanes(state: BookState, terms: LoopTerms, width: int) -> Quiet:
    """All lanes in the state before the first bar, in which every book is stepped."""
    zero, value = splat(0.0, width), splat(state.curve.equity, width)
    never, none = splat(math.inf, width), splat(-math.inf, width)
    prices = (zero + 1.0, none, none, never, none, never)
    quiet = Quiet(zero, zero, zero, *prices, none, zero, never, value, value, zero)
    for j in range(width):
        quiet = with_book(quiet, j, state, step_terms_of(terms, j))
    return quiet


@inlined
def with_book(quiet: Quiet, lane: int, state: BookState, terms: StepTerms) -> Quiet:
    """Take a book that was stepped over into its lane."""
    side, stop = side_of(state.account.position), state.stop
    limit = forced_price(state.account, terms.margin)
    if terms.margin.brackets.shape[0] == 0:
        limit *= 1.0 + side * ROUNDING  # the step reckons by equity: a bar that is near is stepped
    stops = terms.stops
    is_trailed = state.account.position != 0.0 and stops.chandelier > 0.0 and stops.varies <= 0.0
    trail = stops.chandelier * state.seen.tightening if is_trailed else math.inf
    goal = stop.guard.goal
    return _held(
        quiet,
        cash=put(quiet.cash, lane, counted_cash(state.account, state.stuck, state.close, terms.costs)),
        position=put(quiet.position, lane, state.account.position),
        entry_price=put(quiet.entry_price, lane, state.account.entry_price),
        side=put(quiet.side, lane, side),
        stop=put(quiet.stop, lane, side * stop.price if stop.price > 0.0 else -math.inf),
        limit=put(quiet.limit, lane, side * limit if limit > 0.0 else -math.inf),
        goal=put(quiet.goal, lane, side * goal if goal > 0.0 else math.inf),
        best=put(quiet.best, lane, side * stop.guard.best if is_trailed else -math.inf),
        trail=put(quiet.trail, lane, trail),
    )


class Calm(NamedTuple):
    """Until when nothing is due, for one book: ``wanted``, ``slack`` and ``wake`` of its lane."""

    wanted: float
    slack: float
    wake: float


@inlined
def calm_of(state: BookState, target: float, trading: TradingTerms, step: StepTerms) -> Calm:
    """Return from when on a decision on the same target may differ from the one that was just made."""
    held, wake = state.account.position, math.inf
    is_open = state.order.quantity != 0.0 or state.stuck.quantity != 0.0
    if is_open or (held != 0.0 and needs_every_bar(step.stops)):
        wake = -math.inf
    elif held != 0.0 and step.stops.time_ms > 0.0:
        time_ms = since_entry(state.stop.guard.time_ms, step.stops.time_ms)
        wake = state.stop.guard.entry_ms + time_ms - step.step_ms
    if not target == target:  # noqa: SIM201, PLR0124 - not a number
        return Calm(0.0, math.inf, wake)
    wanted = min(max(target, trading.lowest_target), trading.highest_target)
    side = sign_of(wanted)
    if side != state.target_side or state.order.quantity != 0.0 or (held != 0.0 and sign_of(held) != side):
        return Calm(0.0, -math.inf, wake)
    if held == 0.0:
        return Calm(0.0, math.inf, wake)
    slack = abs(held) * (trading.rebalance_band * (1.0 - ROUNDING) - ROUNDING)
    return Calm(wanted, slack - trading.lot_size * (1.0 + ROUNDING), wake)


@inlined
def with_calm(quiet: Quiet, lane: int, calm: Calm) -> Quiet:
    """Take over until when nothing is due for a book that has decided."""
    return _calmed(
        quiet,
        wake=put(quiet.wake, lane, calm.wake),
        wanted=put(quiet.wanted, lane, calm.wanted),
        slack=put(quiet.slack, lane, calm.slack),
    )


class QuietPart(NamedTuple):
    """Lane of one book: equity, stop and best price times ``side``, distance of the trailing stop."""

    equity: float
    stop: float
    best: float
    trail: float


@inlined
def part_of(quiet: Quiet, lane: int) -> QuietPart:
    """Return what quiet bars have moved of one book."""
    return QuietPart(
        get(quiet.equity, lane), get(quiet.stop, lane), get(quiet.best, lane), get(quiet.trail, lane)
    )


@inlined
def recalled(state: BookState, part: QuietPart, close: float, seen: Seen) -> BookState:
    """State of a book at a close up to which its bars were quiet."""
    side, guard = side_of(state.account.position), state.stop.guard
    price = max(side * part.stop, 0.0) if part.stop > -math.inf else 0.0
    reason = guard.reason if price == state.stop.price else CHANDELIER_STOP
    best = side * part.best if part.trail < math.inf else guard.best
    return _recalled(
        state,
        stop=Standing(price, _followed(guard, reason=reason, best=best)),
        curve=_worth(state.curve, part.equity),
        close=close,
        seen=_tightened(seen, state.seen.tightening),
    )
