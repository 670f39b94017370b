"""One execution bar with resting orders: the phases of ``step_bar``, and in each of them the orders' turn.

Funding; stops that the open reaches; the pending market order and what else the open reaches; funding inside
the bar; stops within the bar; limits within the bar; stops again after an entry. Without orders it is
``step_bar`` to the bit.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.accounting.margin import forced_price
from quant_pipelines.backtest.bar.fills import (
    Exit,
    closed,
    ordered,
    pending_after_stop,
    protected,
    reach_at_open,
    reach_from,
    reach_within,
    taken,
)
from quant_pipelines.backtest.bar.resting import (
    OF_PENDING,
    OF_POSITION,
    Now,
    Offer,
    Sheet,
    Source,
    Walk,
    after_entry,
    drop_reducing,
    is_live,
    left_pending,
    reduces,
    trade,
    written,
)
from quant_pipelines.backtest.bar.resting_rows import (
    AGE,
    EXPIRED,
    EXPIRES,
    KIND,
    LEAVES,
    LIMIT,
    LIQUIDATED,
    MARKET,
    NOTHING_TO_REDUCE,
    OPEN,
    POST_ONLY,
    PRICE,
    REDUCE_ONLY,
    STATUS,
    STOP,
    TRIED,
    WAIT,
    WOULD_CROSS,
)
from quant_pipelines.backtest.bar.state import BookState, MarketOrder, StepBar, StepFill, StepTerms
from quant_pipelines.backtest.bar.step import Left, begun, charged, marked
from quant_pipelines.backtest.bar.stops import (
    BANKRUPTCY,
    LIQUIDATION,
    TAKE_PROFIT,
    Seen,
    side_of,
    watched,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner, kernel


class RestingOutcome(NamedTuple):
    """State after a bar and what happened in it.

    Parameters
    ----------
    state
        At the close.
    funding_paid, funding_inside
        Quote, before the first fill, and after the first ``n_at_open`` of them.
    n_at_open, n_fills
        Fills that were written: those of the open, and all.
    has_ended
        Whether an order ended.
    """

    state: BookState
    funding_paid: float
    funding_inside: float
    n_at_open: int
    n_fills: int
    has_ended: bool


_with_pending = change_of(Walk, "pending")
_with_held = change_of(Walk, "held")
_ordered = change_of(Walk, "held", "pending", "budget")
_with_stop = change_of(BookState, "stop")
_within = change_of(Seen, "low", "high")


@kernel
def step_orders(state: BookState, bar: StepBar, terms: StepTerms, sheet: Sheet) -> RestingOutcome:
    """Book one closed execution bar with resting orders.

    Parameters
    ----------
    state, bar, terms
        As in ``step_bar``.
    sheet
        Orders, and room for the fills.
    """
    now = Now(bar, state.seen, terms, state.order.reason)
    _begin(sheet.orders, bar.ts)
    held, funding_paid = begun(state, bar, terms)
    budget = np.inf
    if terms.fills.participation > 0.0:
        budget = terms.fills.participation * state.seen.volume
    walk = Walk(held, state.order.quantity, budget, bar.open, 0.0, 0)
    at_open = protected(held, bar, reach_at_open(bar), terms, state.seen.volume)
    walk = _leave(walk, sheet, at_open, now)
    walk = _at_open(walk, sheet, now, exits=True)
    walk = _pending(walk, sheet, state, now)
    walk = _at_open(walk, sheet, now, exits=False)
    n_at_open, (held, funding_inside) = walk.n_fills, charged(walk.held, bar.funding_inside)
    walk = _with_held(walk, held=held)
    walk = _stops(walk, sheet, now)
    walk = _limits(walk, sheet, now)
    if walk.entered != 0.0:
        walk = _stops(walk, sheet, now)
    after = marked(state, walk.held, Left(walk.pending, _unfilled(sheet.orders)), bar, terms)
    if walk.entered != 0.0 and after.account.position != 0.0:
        after = _entered(after, state, walk, now)
    has_ended = _end(sheet.orders, now, after.account.position)
    return RestingOutcome(after, funding_paid, funding_inside, n_at_open, walk.n_fills, has_ended)


@inner
def _unfilled(orders: FloatArray) -> float:
    """Signed base quantity of market orders that had their turn and have not filled."""
    left = 0.0
    for order in orders:
        if order[STATUS] == OPEN and order[KIND] == MARKET and order[TRIED] > 0.0:
            left += order[LEAVES]
    return left


@inner
def _entered(after: BookState, before: BookState, walk: Walk, now: Now) -> BookState:
    """State whose trailing stops have not seen what was favorable before an entry within the bar."""
    bar, position = now.bar, after.account.position
    low = bar.low if position > 0.0 else min(walk.reference, bar.close)
    high = max(walk.reference, bar.close) if position > 0.0 else bar.high
    extremes = _within(after.seen, low=low, high=high)
    return _with_stop(after, watched(walk.held.stop, position, extremes, before.seen, now.terms.stops))


@inner
def _begin(orders: FloatArray, ts: int) -> None:
    for order in orders:
        order[TRIED] = 0.0
        if order[STATUS] == OPEN and ts >= order[EXPIRES]:
            order[STATUS] = EXPIRED


@inner
def _end(orders: FloatArray, now: Now, position: float) -> bool:
    """Note what has rested, and whether any order is gone, as a stop is that had nothing to reduce."""
    has_ended = False
    for order in orders:
        if order[STATUS] != OPEN:
            has_ended = True
            continue
        if order[WAIT] > 0.0:
            order[WAIT] -= 1.0
            continue
        order[AGE] = 1.0
        is_idle = order[REDUCE_ONLY] > 0.0 and not reduces(order, position)
        if is_idle and order[KIND] == STOP and _is_triggered(order, now.bar.low, now.bar.high):
            order[STATUS], has_ended = NOTHING_TO_REDUCE, True
    return has_ended


@inlined
def _is_triggered(order: FloatArray, low: float, high: float) -> bool:
    return high >= order[PRICE] if order[LEAVES] > 0.0 else low <= order[PRICE]  # type: ignore[no-any-return]


@inlined
def _is_through(order: FloatArray, low: float, high: float) -> bool:
    return low < order[PRICE] if order[LEAVES] > 0.0 else high > order[PRICE]  # type: ignore[no-any-return]


@inner
def _leave(walk: Walk, sheet: Sheet, exit_: Exit, now: Now) -> Walk:
    """Book an exit of the whole position."""
    if exit_.fill.quantity == 0.0:
        return walk
    before, held = walk.held.account.position, closed(walk.held, exit_.fill)
    pending = pending_after_stop(before, walk.pending, held, now.terms)
    pending = left_pending(pending, held.account.position, now)
    drop_reducing(sheet.orders, before, held.account.position)
    if exit_.reason in (LIQUIDATION, BANKRUPTCY):
        _drop_all(sheet.orders)
    walk = written(walk, sheet, Source(OF_POSITION, exit_.reason, 0.0), exit_.fill, held)
    return _with_pending(walk, pending)


@inner
def _drop_all(orders: FloatArray) -> None:
    """End all orders of a margin that is liquidated."""
    for order in orders:
        if order[STATUS] == OPEN:
            order[STATUS] = LIQUIDATED


@inner
def _pending(walk: Walk, sheet: Sheet, state: BookState, now: Now) -> Walk:
    """Fill the pending market order at the open."""
    if walk.pending == 0.0 or state.order.wait_bars != 0:
        return walk
    before = walk.held.account.position
    order = MarketOrder(walk.pending, state.order.reason, 0)
    filled = ordered(walk.held, order, now.bar, now.seen, now.terms)
    for part in (filled.closing, filled.opening):
        if part.quantity != 0.0:
            source = Source(OF_PENDING, state.order.reason, filled.pending)
            walk = written(walk, sheet, source, part, filled.held)
    used = abs(filled.closing.quantity) + abs(filled.opening.quantity)
    drop_reducing(sheet.orders, before, filled.held.account.position)
    budget = max(walk.budget - used, 0.0)
    return _ordered(walk, held=filled.held, pending=filled.pending, budget=budget)


@inner
def _at_open(walk: Walk, sheet: Sheet, now: Now, exits: bool) -> Walk:
    """Fill what the open reaches: ``exits``, the stops that only reduce, or all others; oldest first.

    A limit that the open is beyond on its first bar would have been taken at once: it pays as a taker, unless
    it must not; later it was there before the price came.
    """
    price = now.bar.open
    for at in range(sheet.orders.shape[0]):
        order = sheet.orders[at]
        kind = order[KIND]
        if not is_live(order) or (kind == STOP and order[REDUCE_ONLY] > 0.0) != exits:
            continue
        if kind == LIMIT:
            if not _is_through(order, price, price):
                continue
            is_first = order[AGE] == 0.0
            if is_first and order[POST_ONLY] > 0.0:
                order[STATUS] = WOULD_CROSS
            else:
                walk = trade(walk, sheet, at, Offer(price, not is_first), now)
        elif kind == MARKET or _is_triggered(order, price, price):
            if order[REDUCE_ONLY] > 0.0 and not reduces(order, walk.held.account.position):
                order[STATUS] = NOTHING_TO_REDUCE
            else:
                walk = trade(walk, sheet, at, Offer(price, False), now)
    return walk


@inner
def _stops(walk: Walk, sheet: Sheet, now: Now) -> Walk:
    """Fill stops within the bar, of the position and of orders; the nearer to the open goes first."""
    bar, terms, reach = now.bar, now.terms, reach_within(now.bar)
    while True:
        at = _nearest_stop(walk, sheet.orders, bar)
        exit_ = protected(walk.held, bar, reach_from(reach, walk.reference), terms, now.seen.volume)
        is_exit = exit_.fill.quantity != 0.0
        if is_exit and (at < 0 or not _is_before(sheet.orders[at], walk, exit_, now)):
            walk = _leave(walk, sheet, exit_, now)
        elif at >= 0:
            before, price = walk.held.account.position, sheet.orders[at, PRICE]
            walk = trade(walk, sheet, at, Offer(price, False), now)
            walk = after_entry(walk, before, price)
        else:
            return walk


@inlined
def _is_before(order: FloatArray, walk: Walk, exit_: Exit, now: Now) -> bool:
    """Whether a stop order is reached before the position's own exit; one against it always is."""
    account = walk.held.account
    if not reduces(order, account.position):
        return False
    level = walk.held.stop.price
    if exit_.reason in (LIQUIDATION, BANKRUPTCY):
        level = forced_price(account, now.terms.margin)
    side = side_of(account.position)
    return side * order[PRICE] > side * level  # type: ignore[no-any-return]


@inner
def _nearest_stop(walk: Walk, orders: FloatArray, bar: StepBar) -> int:
    found, distance = -1, np.inf
    for at in range(orders.shape[0]):
        order = orders[at]
        if not is_live(order) or order[KIND] != STOP or not _is_triggered(order, bar.low, bar.high):
            continue
        if order[REDUCE_ONLY] > 0.0 and not reduces(order, walk.held.account.position):
            continue
        away = abs(order[PRICE] - bar.open)
        if away < distance:
            found, distance = at, away
    return found


@inner
def _limits(walk: Walk, sheet: Sheet, now: Now) -> Walk:
    """Fill limits within the bar that the price traded through; the nearer to the open goes first.

    What reduces, the take-profit among it, goes before what opens.
    """
    while True:
        is_reducing = True
        at = _nearest_limit(walk, sheet.orders, now.bar, is_reducing)
        goal = taken(walk.held, now.bar, now.terms)
        is_goal = walk.entered == 0.0 and goal.quantity != 0.0
        if is_goal and (at < 0 or not _is_nearer(sheet.orders[at], goal, now.bar)):
            walk = _leave(walk, sheet, Exit(goal, TAKE_PROFIT), now)
            continue
        if at < 0:
            at = _nearest_limit(walk, sheet.orders, now.bar, not is_reducing)
        if at < 0:
            return walk
        before, price = walk.held.account.position, sheet.orders[at, PRICE]
        walk = trade(walk, sheet, at, Offer(price, True), now)
        walk = after_entry(walk, before, price)


@inlined
def _is_nearer(order: FloatArray, goal: StepFill, bar: StepBar) -> bool:
    return abs(order[PRICE] - bar.open) < abs(goal.price - bar.open)  # type: ignore[no-any-return]


@inner
def _nearest_limit(walk: Walk, orders: FloatArray, bar: StepBar, is_reducing: bool) -> int:
    """Row of the next limit that fills, -1 for none.

    Behind an entry within the bar, what was favorable may have been before it: only a limit that closes at
    a loss is certain.
    """
    account = walk.held.account
    found, distance = -1, np.inf
    for at in range(orders.shape[0]):
        order = orders[at]
        if not is_live(order) or order[KIND] != LIMIT or not _is_through(order, bar.low, bar.high):
            continue
        if reduces(order, account.position) != is_reducing:
            continue
        if order[REDUCE_ONLY] > 0.0 and not is_reducing:
            continue
        gain = side_of(account.position) * (order[PRICE] - account.entry_price)
        if is_reducing and walk.entered != 0.0 and gain > 0.0:
            continue
        away = abs(order[PRICE] - bar.open)
        if away < distance:
            found, distance = at, away
    return found
