"""Values of the bar step: bar, terms, state of a book, what happened; and the orders that a decision adds."""

from typing import NamedTuple

from quant_pipelines.accounting.account import (
    DUST,
    Account,
    apply_fill,
    apply_funding,
    apply_transfer,
    equity,
)
from quant_pipelines.accounting.margin import NO_MARGIN, MarginTerms, forced_closing
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.bar.stops import (
    NO_STOPS,
    NOTHING_SEEN,
    NOTHING_STANDS,
    TARGET,
    Seen,
    Standing,
    StopInputs,
    StopScales,
    StopTerms,
    scaled,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner, scalar, shared
from quant_pipelines.core.lanes import unlikely
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import CostTerms, fee_of, fill_price, whole_lots


class StepBar(NamedTuple):
    """Closed execution bar.

    Parameters
    ----------
    ts, open, high, low, close, volume
        Of the last price.
    funding_per_unit, funding_inside
        Sum of rate x price paid at its open before any fill, and inside of it: after the fills of the open
        and before any stop within the bar.
    mark_open, mark_high, mark_low
        Of the mark price; 0 where it isn't known: the last price stands in.
    ladder
        Order book as it was known at the open, see ``core.depth``; None where none are sampled.
    """

    ts: int
    open: float
    high: float
    low: float
    close: float
    funding_per_unit: float
    volume: float = 0.0
    mark_open: float = 0.0
    mark_high: float = 0.0
    mark_low: float = 0.0
    ladder: FloatArray | None = None
    funding_inside: float = 0.0


class FillTerms(NamedTuple):
    """When and how much of a market order fills.

    Parameters
    ----------
    participation
        Largest share of the volume of the bar before that is filled within one bar; 0 has no cap. Where an
        impact is charged it is never without: all of the volume at most.
    latency_bars
        Whole execution bars between the decision's close and the first bar at whose open it may fill.
    stops_on_mark
        Whether stops test the mark price, as liquidation always does; else the last one.
    """

    participation: float = 0.0
    latency_bars: int = 0
    stops_on_mark: bool = False


class StepTerms(NamedTuple):
    """What ``step_bar`` needs to know: costs, hard stop (0 is none), lot size, bar length, and the rest.

    ``hard_stop`` stands for the one of ``stops``.
    """

    costs: CostTerms
    hard_stop: float
    lot_size: float
    step_ms: int
    stops: StopTerms = NO_STOPS
    fills: FillTerms = FillTerms()
    margin: MarginTerms = NO_MARGIN


class MarketOrder(NamedTuple):
    """Market order that is pending at a close.

    Parameters
    ----------
    quantity
        Signed base quantity that fills at the next open; 0 is none.
    reason
        Why it closes: its own target, or a stop that fires at a close; indexes ``EXIT_REASONS``.
    wait_bars
        Bars that it still waits for.
    """

    quantity: float
    reason: int
    wait_bars: int


NO_ORDER = MarketOrder(0.0, TARGET, 0)


class Stuck(NamedTuple):
    """Exits by market orders that the volume of the bar before did not let fill; stops always do.

    Parameters
    ----------
    quantity
        Base, positive: what of the position should have been closed in the last bar and was not.
    bars
        In which that happened.
    """

    quantity: float
    bars: int


NOTHING_STUCK = Stuck(0.0, 0)


class Day(NamedTuple):
    """UTC day of a book.

    Parameters
    ----------
    start_equity
        At the last 00:00 UTC.
    end_ms
        The next 00:00 UTC.
    n_orders
        Orders since the last 00:00 UTC; those of stops don't count.
    """

    start_equity: float
    end_ms: int
    n_orders: int = 0


class Curve(NamedTuple):
    """Equity of a book.

    Parameters
    ----------
    equity
        At the last bar's close.
    peak
        Since the equity stop fired last, or the beginning.
    mean
        Exponential average of the equity at day ends where a stop asks for its slope, else the capital.
    """

    equity: float
    peak: float
    mean: float


class BookState(NamedTuple):
    """State of one book between two execution bars.

    Parameters
    ----------
    account
        Cash and position.
    order
        Pending market order.
    stop
        Stop that was in force in the last bar.
    day, curve
        Equity and orders of the day; equity so far.
    target_side
        Side of the target that was last acted upon.
    close
        The last bar's.
    seen
        What the stops have seen of the last bar.
    stuck
        What of an exit did not fill.
    """

    account: Account
    order: MarketOrder
    stop: Standing
    day: Day
    curve: Curve
    target_side: float = 0.0
    close: float = 0.0
    seen: Seen = NOTHING_SEEN
    stuck: Stuck = NOTHING_STUCK


with_stops = change_of(StepTerms, "hard_stop", "stops")
_with_seen = change_of(BookState, "seen")
_with_account = change_of(BookState, "account")
_with_order = change_of(BookState, "order", "day", "target_side")
_with_day = change_of(BookState, "day")
_with_value = change_of(BookState, "account", "day", "curve")
_closed = change_of(BookState, "account", "order", "stop", "curve", "stuck")
with_cash = change_of(Account, "cash")
_read = change_of(Seen, "atr", "deviation")
_counted = change_of(Day, "n_orders")
_begun_at = change_of(Day, "start_equity")
_valued = change_of(Curve, "equity")


class StepFill(NamedTuple):
    """Fill within a bar; quantity is signed base, 0 is no fill."""

    quantity: float
    price: float
    fee: float


NO_FILL = StepFill(0.0, 0.0, 0.0)


class StepOutcome(NamedTuple):
    """State after a bar and what happened in it, in this order; reasons index ``EXIT_REASONS``."""

    state: BookState
    has_fills: bool
    funding_paid: float
    gap_stop: StepFill
    closing: StepFill
    opening: StepFill
    funding_inside: float
    stop: StepFill
    goal: StepFill
    gap_reason: int
    closing_reason: int
    stop_reason: int


def opening_state(account: Account, first_ts: int) -> BookState:
    """State of a flat book before the bar that opens at ``first_ts``."""
    midnight = int(first_ts) - int(first_ts) % DAY_MS + DAY_MS
    cash = account.cash
    return BookState(account, NO_ORDER, NOTHING_STANDS, Day(cash, midnight), Curve(cash, cash, cash))


@shared
def counted_cash(account: Account, stuck: Stuck, close: float, costs: CostTerms) -> float:
    """Cash as equity counts it: what could not be closed is worth less by the cap of its impact.

    No equity falls below 0 by it: that it costs so much is a fear, no loss.
    """
    if stuck.quantity == 0.0 or costs.impact_rate <= 0.0:
        return account.cash
    return account.cash - min(stuck.quantity * close * costs.impact_cap, max(equity(account, close), 0.0))


@inlined
def valued_at(account: Account, stuck: Stuck, close: float, costs: CostTerms) -> float:
    """Equity at a close, less what an exit that could not fill would cost."""
    return equity(with_cash(account, counted_cash(account, stuck, close, costs)), close)


def with_scales(terms: StepTerms, scales: StopScales) -> StepTerms:
    """Terms with factors on the values of the stops, as the batch loop applies them at a close."""
    stops = scaled(terms.stops, scales)
    return with_stops(terms, hard_stop=stops.hard, stops=stops)


@shared
def with_inputs(state: BookState, inputs: StopInputs) -> BookState:
    """State with the newest inputs of the stops; whoever drives the book keeps the scales among them."""
    return _with_seen(state, _read(state.seen, atr=inputs.atr, deviation=inputs.deviation))


@shared
def with_order(state: BookState, quantity: float, target_side: float, wait_bars: int = 0) -> BookState:
    """State with a market order added to what is pending and counted, and the side that is acted upon.

    ``wait_bars`` is the latency in whole bars; an order that is added to begins to wait anew.
    """
    before, day, is_new = state.order, state.day, quantity != 0.0
    pending = before.quantity + quantity
    if abs(pending) <= DUST * abs(quantity):  # what is left of two that cancel out is float noise
        pending = 0.0
    wait = wait_bars if is_new else before.wait_bars
    order = MarketOrder(pending, TARGET if is_new else before.reason, wait if pending != 0.0 else 0)
    day = _counted(day, day.n_orders + 1 if is_new else day.n_orders)
    return _with_order(state, order=order, day=day, target_side=target_side)


@inlined
def with_counted(state: BookState, n_orders: int) -> BookState:
    """State in which that many orders are counted in the day."""
    return _with_day(state, _counted(state.day, n_orders))


@scalar
def with_transfer(state: BookState, amount: float) -> BookState:
    """State after a deposit or a withdrawal; what it is measured by moves with its units, so nothing is lost.

    A book without equity has no unit: what is paid into it is added to what it is measured by.
    """
    day, curve = state.day, state.curve
    value = curve.equity
    growth = growth_by(value, amount) if value > 0.0 else 1.0
    added = 0.0 if value > 0.0 else amount
    return _with_value(
        state,
        account=apply_transfer(state.account, amount),
        day=_begun_at(day, day.start_equity * growth + added),
        curve=Curve(value + amount, curve.peak * growth + added, curve.mean * growth + added),
    )


@inner
def forced_fill(account: Account, price: float, fee_rate: float, terms: StepTerms) -> StepFill:
    """Fill of an exit of all that is held which costs no more than there is."""
    closing = forced_closing(account, price, fee_rate, terms.margin)
    return StepFill(whole_lots(-account.position, terms.lot_size), closing.price, closing.fee)


@inlined
def afforded(account: Account, fill: StepFill, market: float, terms: StepTerms) -> StepFill:
    """Fill of an exit, or of a part, at a market price.

    One that would cost more than there is closes all that is held, by force. What a part leaves is worth the
    market price: that it may cost more to close is a fear, no loss.
    """
    left = equity(account, market) + fill.quantity * (market - fill.price)
    if unlikely(left + terms.margin.debt < fill.fee):
        return forced_fill(account, fill.price, terms.costs.fee_rate, terms)
    return fill


class Ending(NamedTuple):
    """State after the position was closed at the last close, its fill, and the funding paid right before."""

    state: BookState
    fill: StepFill
    funding_paid: float


@scalar
def left_at_close(state: BookState, fill: StepFill) -> BookState:
    """State after a fill that closes the position at the last close; pending orders are dropped."""
    account = state.account
    if fill.quantity != 0.0:
        account = apply_fill(account, fill.quantity, fill.price, fill.fee)
    curve, stuck = _valued(state.curve, equity(account, state.close)), Stuck(0.0, state.stuck.bars)
    return _closed(state, account=account, order=NO_ORDER, stop=NOTHING_STANDS, curve=curve, stuck=stuck)


@scalar
def close_out(state: BookState, terms: StepTerms, funding_per_unit: float) -> Ending:
    """Close the position at the last close with its costs and its funding; pending orders are dropped.

    ``funding_per_unit`` is that of a slot at the very time of the close.
    """
    account, fill, funding_paid = state.account, NO_FILL, 0.0
    if account.position != 0.0:
        if funding_per_unit != 0.0:
            funding_paid = account.position * funding_per_unit
            account = apply_funding(account, funding_paid)
        quantity = whole_lots(-account.position, terms.lot_size)
        paid = fill_price(state.close, quantity, terms.costs, state.seen.volume)
        fill = StepFill(quantity, paid, fee_of(quantity, paid, terms.costs))
        fill = afforded(account, fill, state.close, terms)
    return Ending(left_at_close(_with_account(state, account), fill), fill, funding_paid)
