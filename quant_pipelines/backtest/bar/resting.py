"""How an order that rests is booked within an execution bar.

What orders do in a bar, and in which order, is ``resting_step``'s; their rows are ``resting_rows``'.
"""

import math
from typing import NamedTuple

from quant_pipelines.accounting.account import DUST, Account, apply_fill
from quant_pipelines.backtest.bar.fills import Held, followed
from quant_pipelines.backtest.bar.resting_rows import (
    FILLED,
    KIND,
    LEAVES,
    LIMIT,
    MARKET,
    NOTHING_LEFT,
    NUMBER,
    OPEN,
    POSITION_CLOSED,
    PRICE,
    REDUCE_ONLY,
    STATUS,
    STOP,
    TRIED,
    WAIT,
)
from quant_pipelines.backtest.bar.state import StepBar, StepFill, StepTerms, afforded
from quant_pipelines.backtest.bar.stops import LIMIT_ORDER, STOP_ORDER, TARGET, Seen
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner
from quant_pipelines.costs import fee_of, floor_to_lot, maker_fee_of, taker_price, whole_lots

ORDER, REASON, QUANTITY, PAID, FEE, LEFT = range(6)
"""Columns of a fill: number of its order, why, signed base quantity, price, fee, and what of it is left."""
FILL_WIDTH = LEFT + 1
OF_POSITION, OF_PENDING = 0.0, -1.0
"""Numbers of what no resting order stands for: the position's own exits, and the pending market order."""


class Walk(NamedTuple):
    """Where the matching of a bar is.

    Parameters
    ----------
    held
        After all that was booked so far.
    pending
        What is left of the pending market order.
    budget
        Base quantity that market and limit orders may still fill in this bar; infinite without a cap.
    reference
        Price from which on a stop can't be filled better: the open, or that of the last entry within the bar.
    entered
        Side of the last entry within the bar, 0 for none: what was favorable before it doesn't count.
    n_fills
        Rows written.
    """

    held: Held
    pending: float
    budget: float
    reference: float
    entered: float
    n_fills: int


with_held = change_of(Walk, "held", "n_fills")
_traded = change_of(Walk, "pending", "budget")
_entered = change_of(Walk, "reference", "entered")


class Sheet(NamedTuple):
    """Arrays of a bar.

    Parameters
    ----------
    orders
        Shape (n_orders, WIDTH), in the order in which they were placed; changed in place.
    fills
        Shape (``room_for(n_orders)`` or more, FILL_WIDTH), written from the first row on, as things happened.
    """

    orders: FloatArray
    fills: FloatArray


class Source(NamedTuple):
    """What a fill is of: number of its order, why, and what is left of it."""

    order: float
    reason: int
    left: float


class Offer(NamedTuple):
    """Price at which an order fills, and whether it was there before the price came."""

    price: float
    is_maker: bool


class Now(NamedTuple):
    """The bar, what was seen of the one before, the terms, and why the pending market order closes."""

    bar: StepBar
    seen: Seen
    terms: StepTerms
    reason: int


def room_for(n_orders: int) -> int:
    """Rows of fills that a bar can need: two for each order, and a stop of the position after each."""
    return 4 * n_orders + 8


@inlined
def is_live(order: FloatArray) -> bool:
    """Whether an order may fill in this bar and hasn't had its turn."""
    return bool(order[STATUS] == OPEN and order[WAIT] <= 0.0 and order[TRIED] == 0.0)


@inlined
def reduces(order: FloatArray, position: float) -> bool:
    """Whether a fill would bring the position nearer to flat."""
    return position * order[LEAVES] < 0.0  # type: ignore[no-any-return]


@inlined
def reason_of(order: FloatArray) -> int:
    """Return the exit reason that an order's fills carry."""
    if order[KIND] == LIMIT:
        return LIMIT_ORDER
    return STOP_ORDER if order[KIND] == STOP else TARGET


@inner
def allowed(order: FloatArray, walk: Walk, lot_size: float) -> float:
    """Part of an order that may fill now, in whole lots: at most the position if it may only reduce.

    The share of the volume caps what rests or is bought at the market; like the position's own stops, a stop
    order that only reduces isn't capped.
    """
    quantity = order[LEAVES]
    position = walk.held.account.position
    if order[REDUCE_ONLY] > 0.0:
        if not position * quantity < 0.0:
            return 0.0
        if abs(quantity) > abs(position):
            quantity = whole_lots(-position, lot_size)
        if order[KIND] == STOP:
            return quantity  # type: ignore[no-any-return]
    if abs(quantity) <= walk.budget:
        return quantity  # type: ignore[no-any-return]
    return floor_to_lot(math.copysign(walk.budget, quantity), lot_size)


@inner
def written(walk: Walk, sheet: Sheet, source: Source, fill: StepFill, held: Held) -> Walk:
    """Walk after a fill's row."""
    row = sheet.fills[walk.n_fills]
    row[ORDER], row[REASON], row[LEFT] = source.order, source.reason, source.left
    row[QUANTITY], row[PAID], row[FEE] = fill.quantity, fill.price, fill.fee
    return with_held(walk, held=held, n_fills=walk.n_fills + 1)


@inner
def drop_reducing(orders: FloatArray, before: float, after: float) -> None:
    """End the orders that could only reduce a position that is gone."""
    if before == 0.0 or before * after > 0.0:
        return
    for order in orders:
        if order[STATUS] == OPEN and order[REDUCE_ONLY] > 0.0:
            order[STATUS] = POSITION_CLOSED


@inlined
def left_pending(pending: float, position: float, now: Now) -> float:
    """Return what is left of the pending market order once the position has changed.

    The order of a stop that fires at a close is an exit: it never closes more than is held, and ends with the
    position that it was made for.
    """
    if now.reason == TARGET or pending == 0.0:
        return pending
    if not position * pending < 0.0:
        return 0.0
    return pending if abs(pending) <= abs(position) else whole_lots(-position, now.terms.lot_size)


@inner
def _part(walk: Walk, sheet: Sheet, order: FloatArray, fill: StepFill, now: Now) -> Walk:
    """Book one part of an order's fill."""
    account = apply_fill(walk.held.account, fill.quantity, fill.price, fill.fee)
    held = followed(walk.held, account, now.bar.ts, now.seen, now.terms)
    left = whole_lots(order[LEAVES] - fill.quantity, now.terms.lot_size)
    is_beyond = left * order[LEAVES] < 0.0 and abs(left) > DUST * abs(fill.quantity)
    if is_beyond:  # all that was held is closed by force, more than was ordered
        left = 0.0
    source = Source(order[NUMBER], reason_of(order), left)
    order[LEAVES] = left
    return written(walk, sheet, source, fill, held)


@inner
def priced(order: FloatArray, quantity: float, offer: Offer, now: Now) -> StepFill:
    """Fill of a quantity: a maker's price and fee, or a taker's; a limit is never exceeded."""
    price = offer.price
    if offer.is_maker:
        return StepFill(quantity, price, maker_fee_of(quantity, price, now.terms.costs))
    paid = taker_price(price, quantity, now.terms.costs, now.seen.volume, now.bar.ladder)
    if order[KIND] == LIMIT:
        paid = min(paid, order[PRICE]) if quantity > 0.0 else max(paid, order[PRICE])
    return StepFill(quantity, paid, fee_of(quantity, paid, now.terms.costs))


@inlined
def bounded(order: FloatArray, quantity: float, offer: Offer, held: Held, now: Now) -> StepFill:
    """Fill of a quantity; one that reduces what is held costs no more than there is."""
    account, fill = held.account, priced(order, quantity, offer, now)
    return afforded(account, fill, offer.price, now.terms) if account.position * quantity < 0.0 else fill


@inlined
def has_means(account: Account, terms: StepTerms) -> bool:
    """Whether something is held, or is left to open with."""
    return account.position != 0.0 or account.cash + terms.margin.debt > 0.0


@inner
def trade(walk: Walk, sheet: Sheet, at: int, offer: Offer, now: Now) -> Walk:
    """Fill what may fill of the order in a row; a reversal is booked as close and open."""
    order, lot_size = sheet.orders[at], now.terms.lot_size
    quantity = allowed(order, walk, lot_size)
    order[TRIED] = 1.0
    if quantity == 0.0:
        return walk
    is_capped = not (order[KIND] == STOP and order[REDUCE_ONLY] > 0.0)
    before = walk.held.account.position
    rest = quantity
    if before * quantity < 0.0 and abs(quantity) - abs(before) > DUST * abs(quantity):
        closing = bounded(order, whole_lots(-before, lot_size), offer, walk.held, now)
        walk = _part(walk, sheet, order, closing, now)
        rest = whole_lots(quantity + before, lot_size)
    if has_means(walk.held.account, now.terms):
        fill = bounded(order, rest, offer, walk.held, now)
        walk = _part(walk, sheet, order, fill, now)
    else:
        order[STATUS] = NOTHING_LEFT
    if order[LEAVES] == 0.0:
        order[STATUS] = FILLED
    elif order[KIND] == STOP:  # triggered: what is left is a market order
        order[KIND] = MARKET
    after = walk.held.account.position
    drop_reducing(sheet.orders, before, after)
    pending = left_pending(walk.pending, after, now)
    budget = walk.budget - abs(quantity) if is_capped else walk.budget
    return _traded(walk, pending=pending, budget=max(budget, 0.0))


@inlined
def after_entry(walk: Walk, before: float, price: float) -> Walk:
    """Walk after a fill within the bar; one that opened or enlarged a position hides what was favorable."""
    after = walk.held.account.position
    if after == 0.0 or (before * after > 0.0 and abs(after) <= abs(before)):
        return walk
    side = 1.0 if after > 0.0 else -1.0
    return _entered(walk, reference=price, entered=side)
