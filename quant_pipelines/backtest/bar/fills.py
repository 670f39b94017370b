"""Fills within one bar: stops and liquidation, the market order at the open, the take-profit."""

from typing import NamedTuple

from quant_pipelines.accounting.account import DUST, Account, apply_fill, equity
from quant_pipelines.accounting.margin import forced_price, liquidation_price
from quant_pipelines.backtest.bar.state import (
    NO_FILL,
    MarketOrder,
    StepBar,
    StepFill,
    StepTerms,
    afforded,
    forced_fill,
)
from quant_pipelines.backtest.bar.stops import (
    BANKRUPTCY,
    LIQUIDATION,
    TARGET,
    Seen,
    Standing,
    entered,
    is_adverse,
    resized,
    side_of,
    with_hard,
    with_price,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined
from quant_pipelines.core.lanes import unlikely
from quant_pipelines.costs import (
    CostTerms,
    fee_of,
    floor_to_lot,
    impact_of,
    maker_fee_of,
    taker_price,
    whole_lots,
)


class Held(NamedTuple):
    """Account within a bar, with the stop in force."""

    account: Account
    stop: Standing


class Exit(NamedTuple):
    """Fill of a stop or of a liquidation, and which."""

    fill: StepFill
    reason: int


class OrderFill(NamedTuple):
    """What a market order did: the closing and the opening part, and what is left of it."""

    held: Held
    closing: StepFill
    opening: StepFill
    pending: float


@inlined
def _fill(
    quantity: float, price: float, costs: CostTerms, volume: float, ladder: FloatArray | None
) -> StepFill:
    paid = taker_price(price, quantity, costs, volume, ladder)
    return StepFill(quantity, paid, fee_of(quantity, paid, costs))


@inlined
def _book(account: Account, fill: StepFill) -> Account:
    return apply_fill(account, fill.quantity, fill.price, fill.fee)


@inlined
def closed(held: Held, fill: StepFill) -> Held:
    """Book the fill that closes a position; its stop is gone."""
    return Held(_book(held.account, fill), with_price(held.stop, 0.0))


class Reach(NamedTuple):
    """Extremes of the last price and of the mark within which stop and liquidation are looked for.

    ``opened`` is the last price from which the reach begins.
    """

    low: float
    high: float
    mark_low: float
    mark_high: float
    opened: float


reach_from = change_of(Reach, "opened")


@inlined
def pending_after_stop(position: float, pending: float, held: Held, terms: StepTerms) -> float:
    """Reduce an order once a stop closed the position: only a reversal still opens; float noise is none.

    An account of which nothing is left opens nothing.
    """
    after = position + pending
    if not after * position < 0.0 or abs(after) <= DUST * abs(pending):
        return 0.0
    return after if held.account.cash + terms.margin.debt > 0.0 else 0.0


@inlined
def _forced_level(account: Account, reach: Reach, terms: StepTerms) -> float:
    """Price at which a position is closed by force within a reach; without brackets 0 where it isn't near."""
    if terms.margin.brackets.shape[0] > 0:
        return liquidation_price(account, terms.margin)
    worst = reach.mark_low if account.position > 0.0 else reach.mark_high
    if unlikely(equity(account, worst) + terms.margin.debt <= 0.0):
        return forced_price(account, terms.margin)
    return 0.0


@inlined
def mark_open_of(bar: StepBar) -> float:
    """Mark price at the open; the last one where it isn't known."""
    return bar.mark_open if bar.mark_open > 0.0 else bar.open


@inlined
def reach_at_open(bar: StepBar) -> Reach:
    """Return both prices at the open."""
    mark = mark_open_of(bar)
    return Reach(bar.open, bar.open, mark, mark, bar.open)


@inlined
def reach_within(bar: StepBar) -> Reach:
    """Extremes of the bar; of the last price twice where the mark's aren't known."""
    if bar.mark_low > 0.0:
        return Reach(bar.low, bar.high, bar.mark_low, bar.mark_high, bar.open)
    return Reach(bar.low, bar.high, bar.low, bar.high, bar.open)


@inlined
def protected(held: Held, bar: StepBar, reach: Reach, terms: StepTerms, volume: float) -> Exit:
    """Exit within a reach: the tighter of stop and liquidation; at an open beyond both, the latter.

    Liquidation follows the rule of ``accounting.margin`` and tests the mark, a stop the last price unless the
    terms say mark. Either fills at its own level or at the last price beyond it from which the reach begins,
    whatever price it was tested on.
    """
    opened, account = reach.opened, held.account
    price, reason = held.stop.price, held.stop.guard.reason
    limit = _forced_level(account, reach, terms)
    is_stopped = is_adverse(account.position, price, reach.low, reach.high)
    if terms.fills.stops_on_mark:
        is_stopped = is_adverse(account.position, price, reach.mark_low, reach.mark_high)
    if unlikely(is_adverse(account.position, limit, reach.mark_low, reach.mark_high)):
        side, mark = side_of(account.position), mark_open_of(bar)
        is_nearer = is_stopped and side * price > side * limit
        if not is_nearer or is_adverse(account.position, limit, mark, mark):
            worst = side * min(side * opened, side * limit)
            worst *= 1.0 - side * impact_of(account.position, terms.costs, volume)
            reason = LIQUIDATION if terms.margin.brackets.shape[0] > 0 else BANKRUPTCY
            return Exit(
                forced_fill(account, worst, terms.costs.fee_rate + terms.margin.fee_rate, terms), reason
            )
    if not is_stopped:
        return Exit(NO_FILL, reason)
    price = min(opened, price) if account.position > 0.0 else max(opened, price)
    quantity = whole_lots(-account.position, terms.lot_size)
    fill = _fill(quantity, price, terms.costs, volume, bar.ladder)
    return Exit(afforded(account, fill, price, terms), reason)


@inlined
def fillable(order: MarketOrder, volume: float, terms: StepTerms) -> float:
    """Part of a market order that the volume of the bar before lets fill, in whole lots; of a stop all."""
    pending = order.quantity
    if order.reason != TARGET or terms.fills.participation <= 0.0:
        return pending
    if abs(pending) <= terms.fills.participation * volume:
        return pending
    capped = terms.fills.participation * volume
    return floor_to_lot(capped if pending > 0.0 else -capped, terms.lot_size)


@inlined
def ordered(held: Held, order: MarketOrder, bar: StepBar, seen: Seen, terms: StepTerms) -> OrderFill:
    """Fill a market order at the open; a reversal is booked as close and open."""
    pending, quantity = order.quantity, fillable(order, seen.volume, terms)
    closing = opening = NO_FILL
    if quantity == 0.0:
        return OrderFill(held, closing, opening, pending)
    account, before = held.account, held.account.position
    left = 0.0 if quantity == pending else whole_lots(pending - quantity, terms.lot_size)
    rest = quantity
    if before * quantity < 0.0:
        is_reversal = abs(quantity) > abs(before)
        part = whole_lots(-before, terms.lot_size) if is_reversal else quantity
        closing = _fill(part, bar.open, terms.costs, seen.volume, bar.ladder)
        closing = afforded(account, closing, bar.open, terms)
        account = _book(account, closing)
        rest = whole_lots(quantity + before, terms.lot_size) if is_reversal else 0.0
        if unlikely(account.cash + terms.margin.debt <= 0.0):  # nothing is left to open with
            rest = left = 0.0
        elif unlikely(abs(closing.quantity) > abs(part)):  # a part was ordered, and all was closed by force
            left = pending_after_stop(before, pending, Held(account, held.stop), terms)
    if rest != 0.0:
        opening = _fill(rest, bar.open, terms.costs, seen.volume, bar.ladder)
        account = _book(account, opening)
    return OrderFill(followed(held, account, bar.ts, seen, terms), closing, opening, left)


@inlined
def followed(before: Held, account: Account, ts: int, seen: Seen, terms: StepTerms) -> Held:
    """Held after an order's fills in the bar at ``ts``; a new position has a stop of its own."""
    stop, stops = before.stop, with_hard(terms.stops, terms.hard_stop)
    if account.position * before.account.position <= 0.0:
        stop = entered(ts, account.entry_price, seen, stops)
    return Held(account, resized(account, stop, seen, stops))


@inlined
def taken(held: Held, bar: StepBar, terms: StepTerms) -> StepFill:
    """Fill of the take-profit: a limit that the price must trade through; beyond it the open is better."""
    goal, position = held.stop.guard.goal, held.account.position
    if goal <= 0.0 or position == 0.0:
        return NO_FILL
    is_through = bar.high > goal if position > 0.0 else bar.low < goal
    if not is_through:
        return NO_FILL
    price = max(bar.open, goal) if position > 0.0 else min(bar.open, goal)
    quantity = whole_lots(-position, terms.lot_size)
    return StepFill(quantity, price, maker_fee_of(quantity, price, terms.costs))
