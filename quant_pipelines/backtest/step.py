"""One execution bar, the same in every driver; called by the compiled loop, the event backtest and paper.

Within one bar: funding on the position held, liquidation and gap stops at the open, the pending market order,
intrabar stops, the take-profit; then the mark, and what the stops make of the closed bar. It never decides.
"""

from quant_pipelines.accounting.account import apply_funding, equity
from quant_pipelines.backtest.fills import (
    Held,
    closed,
    ordered,
    pending_after_stop,
    protected,
    reach_at_open,
    reach_within,
    taken,
)
from quant_pipelines.backtest.state import (
    NO_FILL,
    BookState,
    StepBar,
    StepFill,
    StepOutcome,
    StepTerms,
    close_out,
    opening_state,
    with_inputs,
    with_order,
)
from quant_pipelines.backtest.stops import (
    EQUITY_STOP,
    NO_GUARD,
    TARGET,
    TIME_STOP,
    Guard,
    Level,
    Seen,
    Slope,
    closed_guard,
    moved_level,
    since_entry,
    slope_after,
)
from quant_pipelines.core.jit import inlined, scalar
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
    seen, pending = state.seen, state.pending
    closing = opening = NO_FILL
    held, funding_paid = begun(state, bar, terms)
    gap = protected(held, bar, reach_at_open(bar), bar.open, terms, seen.volume)
    if gap.fill.quantity != 0.0:
        pending = pending_after_stop(held.account.position, pending)
        held = closed(held, gap.fill)
    if pending != 0.0 and state.wait_bars == 0:
        order = ordered(held, pending, bar, seen, terms)
        held, closing, opening, pending = order.held, order.closing, order.opening, order.pending
    stop = protected(held, bar, reach_within(bar), bar.open, terms, seen.volume)
    if stop.fill.quantity != 0.0:
        pending = pending_after_stop(held.account.position, pending)
        held = closed(held, stop.fill)
    goal = taken(held, bar, terms)
    if goal.quantity != 0.0:
        pending = pending_after_stop(held.account.position, pending)
        held = closed(held, goal)
    after = marked(state, held, pending, bar, terms)
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
        stop.fill,
        goal,
        gap.reason,
        state.exit_reason,
        stop.reason,
    )


@inlined
def begun(state: BookState, bar: StepBar, terms: StepTerms) -> tuple[Held, float]:
    """Held as a bar opens, with the level in force in it; and the funding paid at its open."""
    level = Level(state.stop_price, state.guard.reason)
    level = moved_level(state.account, level, state.guard, state.seen, terms.stops)
    funding_paid = 0.0
    account = state.account
    if bar.funding_per_unit != 0.0 and account.position != 0.0:
        funding_paid = account.position * bar.funding_per_unit
        account = apply_funding(account, funding_paid)
    return Held(account, level, state.guard), funding_paid


@inlined
def marked(state: BookState, held: Held, pending: float, bar: StepBar, terms: StepTerms) -> BookState:
    """State at the close; at 00:00 UTC it is the day's baseline, and orders are counted anew."""
    value = equity(held.account, bar.close)
    baseline, day_end, n_orders = state.day_start_equity, state.day_end_ms, state.orders_today
    slope = Slope(state.equity_mean, state.seen.tightening)
    if bar.ts >= day_end:
        baseline, n_orders = state.equity, 0
        day_end = bar.ts - bar.ts % DAY_MS + DAY_MS
        slope = slope_after(slope, baseline, terms.stops)
    if bar.ts + terms.step_ms >= day_end:
        baseline, n_orders = value, 0
        day_end += DAY_MS
        slope = slope_after(slope, baseline, terms.stops)
    seen = Seen(state.seen.atr, state.seen.deviation, bar.low, bar.high, bar.volume, slope.factor)
    guard, stop_price = NO_GUARD, 0.0
    if held.account.position != 0.0:
        guard = renamed(held.guard, held.level.reason)
        guard = closed_guard(guard, held.account.position, seen, state.seen, terms.stops)
        stop_price = held.level.price
    state_after = BookState(
        held.account,
        pending,
        stop_price,
        state.target_side,
        bar.close,
        value,
        baseline,
        day_end,
        guard,
        seen,
        max(state.equity_peak, value) if terms.stops.equity > 0.0 else state.equity_peak,
        state.exit_reason if pending != 0.0 else TARGET,
        max(state.wait_bars - 1, 0) if pending != 0.0 else 0,
        slope.mean,
        n_orders,
    )
    return _expired(state_after, bar.ts + terms.step_ms, terms)


@inlined
def renamed(guard: Guard, reason: int) -> Guard:
    """Guard whose level in force is of another rule."""
    return Guard(
        reason,
        guard.entry_ms,
        guard.best,
        guard.distance,
        guard.distance_reason,
        guard.goal,
        guard.sar,
        guard.acceleration,
        guard.hard,
        guard.target,
        guard.time_ms,
    )


@inlined
def _expired(state: BookState, close_ms: int, terms: StepTerms) -> BookState:
    """State with the order of a stop that fires at a close: time in the position, or the equity curve."""
    stops, position = terms.stops, state.account.position
    if position == 0.0 or state.pending != 0.0:
        return state
    time_ms = since_entry(state.guard.time_ms, stops.time_ms)
    if time_ms > 0.0 and close_ms - state.guard.entry_ms >= time_ms:
        return _leaving(state, TIME_STOP, state.equity_peak, terms)
    if stops.equity > 0.0 and state.equity < state.equity_peak * (1.0 - stops.equity):
        return _leaving(state, EQUITY_STOP, state.equity, terms)
    return state


@inlined
def _leaving(state: BookState, reason: int, equity_peak: float, terms: StepTerms) -> BookState:
    return BookState(
        state.account,
        whole_lots(-state.account.position, terms.lot_size),
        state.stop_price,
        state.target_side,
        state.close,
        state.equity,
        state.day_start_equity,
        state.day_end_ms,
        state.guard,
        state.seen,
        equity_peak,
        reason,
        terms.fills.latency_bars,
        state.equity_mean,
        state.orders_today,
    )
