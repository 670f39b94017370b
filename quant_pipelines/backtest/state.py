"""Values of the bar step: bar, terms, state of a book, what happened; and the orders that a decision adds."""

from typing import NamedTuple

from quant_pipelines.accounting.account import DUST, Account, apply_fill, apply_transfer, equity
from quant_pipelines.accounting.margin import NO_MARGIN, MarginTerms
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.stops import (
    NO_GUARD,
    NO_STOPS,
    NOTHING_SEEN,
    TARGET,
    Guard,
    Seen,
    StopInputs,
    StopScales,
    StopTerms,
    scaled,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import scalar
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import CostTerms, fee_of, fill_price, whole_lots


class StepBar(NamedTuple):
    """Closed execution bar.

    Parameters
    ----------
    ts, open, high, low, close, volume
        Of the last price.
    funding_per_unit
        Sum of rate x mark price paid at its open.
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


class FillTerms(NamedTuple):
    """When and how much of a market order fills.

    Parameters
    ----------
    participation
        Largest share of the volume of the bar before that is filled within one bar; 0 has no cap.
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


class BookState(NamedTuple):
    """State of one book between two execution bars.

    Parameters
    ----------
    account
        Cash and position.
    pending
        Signed base quantity of the market order that fills at the next open; 0 is none.
    stop_price
        Level of the stop that was in force in the last bar; 0 is none.
    target_side
        Side of the target that was last acted upon.
    close, equity
        At the last bar's close.
    day_start_equity
        At the last 00:00 UTC.
    day_end_ms
        The next 00:00 UTC.
    guard, seen
        What the stops remember, and what they have seen of the last bar.
    equity_peak
        Since the equity stop fired last, or the beginning.
    exit_reason
        Why the pending order closes: its own target, or a stop that fires at a close.
    wait_bars
        Bars that the pending order still waits for.
    equity_mean
        Exponential average of the equity at day ends where a stop asks for its slope, else the capital.
    orders_today
        Orders since the last 00:00 UTC; those of stops don't count.
    """

    account: Account
    pending: float
    stop_price: float
    target_side: float
    close: float
    equity: float
    day_start_equity: float
    day_end_ms: int
    guard: Guard = NO_GUARD
    seen: Seen = NOTHING_SEEN
    equity_peak: float = 0.0
    exit_reason: int = TARGET
    wait_bars: int = 0
    equity_mean: float = 0.0
    orders_today: int = 0


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
    stop: StepFill
    goal: StepFill
    gap_reason: int
    closing_reason: int
    stop_reason: int


def opening_state(account: Account, first_ts: int) -> BookState:
    """State of a flat book before the bar that opens at ``first_ts``."""
    midnight = int(first_ts) - int(first_ts) % DAY_MS + DAY_MS
    cash = account.cash
    return BookState(account, 0.0, 0.0, 0.0, 0.0, cash, cash, midnight, equity_peak=cash, equity_mean=cash)


def with_scales(terms: StepTerms, scales: StopScales) -> StepTerms:
    """Terms with factors on the values of the stops, as the batch loop applies them at a close."""
    stops = scaled(terms.stops, scales)
    return terms._replace(hard_stop=stops.hard, stops=stops)


@scalar
def with_inputs(state: BookState, inputs: StopInputs) -> BookState:
    """State with the newest inputs of the stops; whoever drives the book keeps the scales among them."""
    seen = state.seen
    return BookState(
        state.account,
        state.pending,
        state.stop_price,
        state.target_side,
        state.close,
        state.equity,
        state.day_start_equity,
        state.day_end_ms,
        state.guard,
        Seen(inputs.atr, inputs.deviation, seen.low, seen.high, seen.volume, seen.tightening),
        state.equity_peak,
        state.exit_reason,
        state.wait_bars,
        state.equity_mean,
        state.orders_today,
    )


@scalar
def with_order(state: BookState, quantity: float, target_side: float, wait_bars: int = 0) -> BookState:
    """State with a market order added to what is pending and counted, and the side that is acted upon.

    ``wait_bars`` is the latency in whole bars; an order that is added to begins to wait anew.
    """
    is_new, pending = quantity != 0.0, state.pending + quantity
    if abs(pending) <= DUST * abs(quantity):  # what is left of two that cancel out is float noise
        pending = 0.0
    wait = wait_bars if is_new else state.wait_bars
    return BookState(
        state.account,
        pending,
        state.stop_price,
        target_side,
        state.close,
        state.equity,
        state.day_start_equity,
        state.day_end_ms,
        state.guard,
        state.seen,
        state.equity_peak,
        TARGET if is_new else state.exit_reason,
        wait if pending != 0.0 else 0,
        state.equity_mean,
        state.orders_today + 1 if is_new else state.orders_today,
    )


@scalar
def with_transfer(state: BookState, amount: float) -> BookState:
    """State after a deposit or a withdrawal; what it is measured by moves with its units, so nothing is lost.

    A book without equity has no unit: what is paid into it is added to what it is measured by.
    """
    value = state.equity
    growth = growth_by(value, amount) if value > 0.0 else 1.0
    added = 0.0 if value > 0.0 else amount
    return BookState(
        apply_transfer(state.account, amount),
        state.pending,
        state.stop_price,
        state.target_side,
        state.close,
        value + amount,
        state.day_start_equity * growth + added,
        state.day_end_ms,
        state.guard,
        state.seen,
        state.equity_peak * growth + added,
        state.exit_reason,
        state.wait_bars,
        state.equity_mean * growth + added,
        state.orders_today,
    )


@scalar
def close_out(state: BookState, terms: StepTerms) -> tuple[BookState, StepFill]:
    """State after the position is closed at the last close with costs; pending orders are dropped."""
    position = state.account.position
    fill = StepFill(0.0, 0.0, 0.0)
    account = state.account
    if position != 0.0:
        quantity = whole_lots(-position, terms.lot_size)
        paid = fill_price(state.close, quantity, terms.costs, state.seen.volume)
        fill = StepFill(quantity, paid, fee_of(quantity, paid, terms.costs))
        account = apply_fill(account, fill.quantity, fill.price, fill.fee)
    closed = BookState(
        account,
        0.0,
        0.0,
        state.target_side,
        state.close,
        equity(account, state.close),
        state.day_start_equity,
        state.day_end_ms,
        NO_GUARD,
        state.seen,
        state.equity_peak,
        TARGET,
        0,
        state.equity_mean,
        state.orders_today,
    )
    return closed, fill
