"""One execution bar: funding, gap stop, pending order, intrabar stop, mark; the same in every driver.

Called by the compiled batch loop, the event backtest and the paper broker. It never decides.
"""

from typing import NamedTuple

from quant_pipelines.accounting.account import Account, apply_fill, apply_funding, equity
from quant_pipelines.core.jit import kernel, scalar
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import CostTerms, fee_of, fill_price, whole_lots


class StepBar(NamedTuple):
    """Closed execution bar; ``funding_per_unit`` is the sum of rate x mark price paid at its open."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    funding_per_unit: float


class StepTerms(NamedTuple):
    """What ``step_bar`` needs to know: costs, stop distance (0 is no stop), lot size, bar length."""

    costs: CostTerms
    hard_stop: float
    lot_size: float
    step_ms: int


class BookState(NamedTuple):
    """State of one book between two execution bars.

    Parameters
    ----------
    account
        Cash and position.
    pending
        Signed base quantity of the market order that fills at the next open; 0 is none.
    stop_price
        Level of the hard stop; 0 is none.
    target_side
        Side of the target that was last acted upon.
    close, equity
        At the last bar's close.
    day_start_equity
        At the last 00:00 UTC.
    day_end_ms
        The next 00:00 UTC.
    """

    account: Account
    pending: float
    stop_price: float
    target_side: float
    close: float
    equity: float
    day_start_equity: float
    day_end_ms: int


class StepFill(NamedTuple):
    """Fill within a bar; quantity is signed base, 0 is no fill."""

    quantity: float
    price: float
    fee: float


class StepOutcome(NamedTuple):
    """State after a bar and what happened in it, in this order."""

    state: BookState
    has_fills: bool
    funding_paid: float
    gap_stop: StepFill
    closing: StepFill
    opening: StepFill
    stop: StepFill


def opening_state(account: Account, first_ts: int) -> BookState:
    """State of a flat book before the bar that opens at ``first_ts``."""
    midnight = int(first_ts) - int(first_ts) % DAY_MS + DAY_MS
    return BookState(account, 0.0, 0.0, 0.0, 0.0, account.cash, account.cash, midnight)


@scalar
def _fill(quantity: float, price: float, costs: CostTerms) -> StepFill:
    paid = fill_price(price, quantity, costs)
    return StepFill(quantity, paid, fee_of(quantity, paid, costs))


@scalar
def _book(account: Account, fill: StepFill) -> Account:
    return apply_fill(account, fill.quantity, fill.price, fill.fee)


@scalar
def _stop_level(account: Account, hard_stop: float) -> float:
    if account.position == 0.0 or hard_stop <= 0.0:
        return 0.0
    if account.position > 0.0:
        return account.entry_price * (1.0 - hard_stop)
    return account.entry_price * (1.0 + hard_stop)


@scalar
def _is_hit(position: float, stop_price: float, low: float, high: float) -> bool:
    if stop_price <= 0.0:
        return False
    return (position > 0.0 and low <= stop_price) or (position < 0.0 and high >= stop_price)


@scalar
def _pending_after_stop(position: float, pending: float) -> float:
    """Reduce an order once a stop closed the position: only a reversal still opens."""
    after = position + pending
    return after if after * position < 0.0 else 0.0


@kernel
def step_bar(state: BookState, bar: StepBar, terms: StepTerms) -> StepOutcome:
    """Book one closed execution bar.

    Parameters
    ----------
    state
        Before the bar.
    bar
        Prices in quote per base.
    terms
        Costs and stop.

    Returns
    -------
    StepOutcome
        Funding is paid on the position held into the bar; a stop beyond the open fills at the open; the
        pending order fills at the open; the stop of the position then held is live within the bar. Every
        fill is a taker's: worse by the slippage, with fee. A reversal is booked as close and open.
    """
    account, pending, stop_price = state.account, state.pending, state.stop_price
    gap_stop = closing = opening = stop = StepFill(0.0, 0.0, 0.0)
    has_fills = False
    funding_paid = 0.0
    if bar.funding_per_unit != 0.0 and account.position != 0.0:
        funding_paid = account.position * bar.funding_per_unit
        account = apply_funding(account, funding_paid)
    if _is_hit(account.position, stop_price, bar.open, bar.open):
        has_fills = True
        gap_stop = _fill(whole_lots(-account.position, terms.lot_size), bar.open, terms.costs)
        pending = _pending_after_stop(account.position, pending)
        account = _book(account, gap_stop)
        stop_price = 0.0
    if pending != 0.0:
        has_fills = True
        held = account.position
        if held * pending < 0.0 and abs(pending) > abs(held):
            closing = _fill(whole_lots(-held, terms.lot_size), bar.open, terms.costs)
            account = _book(account, closing)
            opening = _fill(whole_lots(pending + held, terms.lot_size), bar.open, terms.costs)
            account = _book(account, opening)
        elif held * pending < 0.0:
            closing = _fill(pending, bar.open, terms.costs)
            account = _book(account, closing)
        else:
            opening = _fill(pending, bar.open, terms.costs)
            account = _book(account, opening)
        stop_price = _stop_level(account, terms.hard_stop)
    if _is_hit(account.position, stop_price, bar.low, bar.high):
        has_fills = True
        level = min(bar.open, stop_price) if account.position > 0.0 else max(bar.open, stop_price)
        stop = _fill(whole_lots(-account.position, terms.lot_size), level, terms.costs)
        account = _book(account, stop)
        stop_price = 0.0
    marked = _mark(state, account, stop_price, bar, terms.step_ms)
    return StepOutcome(marked, has_fills, funding_paid, gap_stop, closing, opening, stop)


@scalar
def _mark(state: BookState, account: Account, stop_price: float, bar: StepBar, step_ms: int) -> BookState:
    """Equity at the close; the day's baseline is the equity at 00:00 UTC."""
    value = equity(account, bar.close)
    baseline, day_end = state.day_start_equity, state.day_end_ms
    if bar.ts >= day_end:
        baseline = state.equity
        day_end = bar.ts - bar.ts % DAY_MS + DAY_MS
    if bar.ts + step_ms >= day_end:
        baseline = value
        day_end += DAY_MS
    return BookState(account, 0.0, stop_price, state.target_side, bar.close, value, baseline, day_end)


@scalar
def with_order(state: BookState, quantity: float, target_side: float) -> BookState:
    """State with a market order added to what is pending, and the side that counts as acted upon."""
    return BookState(
        state.account,
        state.pending + quantity,
        state.stop_price,
        target_side,
        state.close,
        state.equity,
        state.day_start_equity,
        state.day_end_ms,
    )


@scalar
def close_out(state: BookState, terms: StepTerms) -> tuple[BookState, StepFill]:
    """State after the position is closed at the last close with costs; pending orders are dropped."""
    position = state.account.position
    fill = StepFill(0.0, 0.0, 0.0)
    account = state.account
    if position != 0.0:
        fill = _fill(whole_lots(-position, terms.lot_size), state.close, terms.costs)
        account = _book(account, fill)
    closed = BookState(
        account,
        0.0,
        0.0,
        state.target_side,
        state.close,
        equity(account, state.close),
        state.day_start_equity,
        state.day_end_ms,
    )
    return closed, fill
