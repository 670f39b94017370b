"""One execution bar, the same in every driver: whole in the compiled loop, in phases where orders rest.

Within one bar: funding on the position held, liquidation and gap stops at the open, the pending market order,
funding inside the bar, intrabar stops, the take-profit; then the mark, and what the stops make of the closed
bar. It never decides.
"""

from typing import NamedTuple

from quant_pipelines.accounting.account import apply_funding
from quant_pipelines.backtest.bar.fills import (
    Held,
    closed,
    ordered,
    pending_after_stop,
    protected,
    reach_at_open,
    reach_within,
    taken,
)
from quant_pipelines.backtest.bar.state import (
    NO_FILL,
    BookState,
    Curve,
    Day,
    MarketOrder,
    StepBar,
    StepFill,
    StepOutcome,
    StepTerms,
    Stuck,
    close_out,
    opening_state,
    valued_at,
    with_inputs,
    with_order,
)
from quant_pipelines.backtest.bar.stops import (
    EQUITY_STOP,
    NO_GUARD,
    TARGET,
    TIME_STOP,
    Seen,
    Slope,
    Standing,
    moved,
    since_entry,
    slope_after,
    watched,
)
from quant_pipelines.core.jit import change_of, inlined, scalar
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import whole_lots

__all__ = [
    "BookState",
    "StepBar",
    "StepFill",
    "StepOutcome",
    "StepTerms",
    "close_out",
    "opening_state",
    "step_bar",
    "with_inputs",
    "with_order",
]

_marked = change_of(BookState, "account", "order", "stop", "day", "curve", "close", "seen", "stuck")
_leaving = change_of(BookState, "order", "curve")
_seen = change_of(Seen, "low", "high", "volume", "tightening")
_from_peak = change_of(Curve, "peak")


@scalar
def step_bar(state: BookState, bar: StepBar, terms: StepTerms) -> StepOutcome:
    """Book one closed execution bar.

    Parameters
    ----------
    state
        Before the bar.
    bar
        Prices in quote per base.
    terms
        Costs, stops, fills and margin.

    Returns
    -------
    StepOutcome
        Fills of market orders and stops are a taker's: worse by the slippage, with fee. Stop and target in
        one bar: the stop.
    """
    seen, pending = state.seen, state.order.quantity
    closing = opening = NO_FILL
    held, funding_paid = begun(state, bar, terms)
    gap = protected(held, bar, reach_at_open(bar), terms, seen.volume)
    if gap.fill.quantity != 0.0:
        position, held = held.account.position, closed(held, gap.fill)
        pending = pending_after_stop(position, pending, held, terms)
    if pending != 0.0 and state.order.wait_bars == 0:
        order = ordered(held, MarketOrder(pending, state.order.reason, 0), bar, seen, terms)
        held, closing, opening, pending = order.held, order.closing, order.opening, order.pending
    held, funding_inside = charged(held, bar.funding_inside)
    stop = protected(held, bar, reach_within(bar), terms, seen.volume)
    if stop.fill.quantity != 0.0:
        position, held = held.account.position, closed(held, stop.fill)
        pending = pending_after_stop(position, pending, held, terms)
    goal = taken(held, bar, terms)
    if goal.quantity != 0.0:
        position, held = held.account.position, closed(held, goal)
        pending = pending_after_stop(position, pending, held, terms)
    after = marked(state, held, Left(pending, 0.0), bar, terms)
    has_fills = (
        gap.fill.quantity != 0.0
        or closing.quantity != 0.0
        or opening.quantity != 0.0
        or stop.fill.quantity != 0.0
        or goal.quantity != 0.0
    )
    return StepOutcome(
        after,
        has_fills,
        funding_paid,
        gap.fill,
        closing,
        opening,
        funding_inside,
        stop.fill,
        goal,
        gap.reason,
        state.order.reason,
        stop.reason,
    )


@inlined
def begun(state: BookState, bar: StepBar, terms: StepTerms) -> tuple[Held, float]:
    """Held as a bar opens, with the stop in force in it; and the funding paid at its open."""
    stop = moved(state.account, state.stop, state.seen, terms.stops)
    return charged(Held(state.account, stop), bar.funding_per_unit)


@inlined
def charged(held: Held, funding_per_unit: float) -> tuple[Held, float]:
    """Pay funding on what is held; and the amount."""
    account = held.account
    if funding_per_unit == 0.0 or account.position == 0.0:
        return held, 0.0
    funding_paid = account.position * funding_per_unit
    return Held(apply_funding(account, funding_paid), held.stop), funding_paid


class Left(NamedTuple):
    """Market orders that a bar leaves, signed base: the pending one, and others that had their turn."""

    pending: float
    others: float


@inlined
def stuck_after(state: BookState, position: float, left: Left) -> Stuck:
    """Return what of the position the market orders should have closed in a bar, and did not."""
    tried = left.others
    if state.order.wait_bars == 0:
        tried += left.pending
    if tried * position >= 0.0:
        return Stuck(0.0, state.stuck.bars)
    return Stuck(min(abs(tried), abs(position)), state.stuck.bars + 1)


@inlined
def marked(state: BookState, held: Held, left: Left, bar: StepBar, terms: StepTerms) -> BookState:
    """State at the close; at 00:00 UTC it is the day's baseline, and orders are counted anew."""
    stuck, pending = stuck_after(state, held.account.position, left), left.pending
    value = valued_at(held.account, stuck, bar.close, terms.costs)
    day = state.day
    baseline, day_end, n_orders = day.start_equity, day.end_ms, day.n_orders
    slope = Slope(state.curve.mean, state.seen.tightening)
    if bar.ts >= day_end:
        baseline, n_orders = state.curve.equity, 0
        day_end = bar.ts - bar.ts % DAY_MS + DAY_MS
        slope = slope_after(slope, baseline, terms.stops)
    if bar.ts + terms.step_ms >= day_end:
        baseline, n_orders = value, 0
        day_end += DAY_MS
        slope = slope_after(slope, baseline, terms.stops)
    seen = _seen(state.seen, low=bar.low, high=bar.high, volume=bar.volume, tightening=slope.factor)
    price, guard = 0.0, NO_GUARD
    if held.account.position != 0.0:
        price, guard = watched(held.stop, held.account.position, seen, state.seen, terms.stops)
    stop = Standing(price, guard)
    order = MarketOrder(
        pending,
        state.order.reason if pending != 0.0 else TARGET,
        max(state.order.wait_bars - 1, 0) if pending != 0.0 else 0,
    )
    peak = max(state.curve.peak, value) if terms.stops.equity > 0.0 else state.curve.peak
    after = _marked(
        state,
        account=held.account,
        order=order,
        stop=stop,
        day=Day(baseline, day_end, n_orders),
        curve=Curve(value, peak, slope.mean),
        close=bar.close,
        seen=seen,
        stuck=stuck,
    )
    return _expired(after, bar.ts + terms.step_ms, terms)


@inlined
def _expired(state: BookState, close_ms: int, terms: StepTerms) -> BookState:
    """State with the order of a stop that fires at a close: time in the position, or the equity curve."""
    stops, position, curve = terms.stops, state.account.position, state.curve
    if position == 0.0 or state.order.quantity != 0.0:
        return state
    time_ms = since_entry(state.stop.guard.time_ms, stops.time_ms)
    if time_ms > 0.0 and close_ms - state.stop.guard.entry_ms >= time_ms:
        return _leaving(state, order=_exit(position, TIME_STOP, terms), curve=curve)
    if stops.equity > 0.0 and curve.equity < curve.peak * (1.0 - stops.equity):
        return _leaving(
            state, order=_exit(position, EQUITY_STOP, terms), curve=_from_peak(curve, curve.equity)
        )
    return state


@inlined
def _exit(position: float, reason: int, terms: StepTerms) -> MarketOrder:
    return MarketOrder(whole_lots(-position, terms.lot_size), reason, terms.fills.latency_bars)
