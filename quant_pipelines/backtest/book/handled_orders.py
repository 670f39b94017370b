"""What a compiled handler has asked for, done to the orders of a book; and how near the price is to them.

Sizes and approvals are those of ``trading.resting``, as at every desk.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.bar.resting_rows import (
    AGE,
    EXPIRES,
    KIND,
    LEAVES,
    LIMIT,
    MARKET,
    PRICE,
    STOP,
    WAIT,
    Orders,
    Wanted,
    canceled,
    canceled_exits,
    may_open,
    none_left,
    placed,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner
from quant_pipelines.sdk import asks
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.resting import REDUCING, size_order, size_reduction
from quant_pipelines.trading.rules import TradingTerms

_counted = change_of(BookView, "orders_today")
_ASKED, _ALL, _ALL_EXITS, _ONE = asks.CAPACITY, asks.CANCEL_ALL, asks.CANCEL_EXITS, asks.CANCEL
_ACT, _SIZE, _PRICE = asks.ACT, asks.SIZE, asks.PRICE
_REDUCE_ONLY, _POST_ONLY, _EXPIRES_BARS = asks.REDUCE_ONLY, asks.POST_ONLY, asks.EXPIRES_BARS
_MARKET = asks.MARKET
assert (asks.MARKET, asks.LIMIT, asks.STOP_MARKET) == (MARKET, LIMIT, STOP)  # noqa: S101 - both are ours


class Sight(NamedTuple):
    """What is known of a book where its orders change.

    Parameters
    ----------
    seen
        As a decision sees it.
    held
        Position, without what is ordered.
    close_ms, step_ms
        The close, and the length of a strategy bar.
    wait_bars
        The latency, in execution bars.
    """

    seen: BookView
    held: float
    close_ms: int
    step_ms: int
    wait_bars: int


class Asking(NamedTuple):
    """Orders after what was asked for, what is seen then, and whether it can't be done by any desk."""

    orders: Orders
    sight: Sight
    is_wrong: bool


_seen = change_of(Sight, "seen")


@inner
def carried_out(asked: FloatArray, orders: Orders, sight: Sight, terms: TradingTerms) -> Asking:
    """Do what a handler has asked for, in order, and forget it."""
    n_asked, is_wrong = int(asked[0, 0]), False
    if n_asked > _ASKED:
        return Asking(orders, sight, True)
    asked[0, 0] = 0.0
    for at in range(1, n_asked + 1):
        act = int(asked[at, _ACT])
        if act == _ALL:
            orders = none_left(orders)
        elif act == _ALL_EXITS:
            orders = canceled_exits(orders, sight.held)
        elif not _is_possible(asked[at]):
            is_wrong = True
        elif act == _ONE:
            orders = canceled(orders, int(asked[at, _SIZE]))
        else:
            wanted = _wanted(asked[at], orders, sight, terms)
            if wanted.quantity != 0.0:
                n_before, orders = orders.n, placed(orders, wanted)
                is_wrong |= orders.n == n_before
                view = sight.seen
                sight = _seen(sight, _counted(view, view.orders_today + 1.0))
    return Asking(orders, sight, is_wrong)


@inlined
def clears_all(asked: FloatArray) -> bool:
    """Whether a handler has asked for no more than that nothing rests, as many do at every bar."""
    return bool(asked[0, 0] == 1.0 and asked[1, _ACT] == _ALL)


@inlined
def cleared(asked: FloatArray, orders: Orders) -> Orders:
    """Do that, without what any other act needs, and forget it."""
    asked[0, 0] = 0.0
    return none_left(orders)


@inlined
def _is_possible(asked: FloatArray) -> bool:
    """Whether a desk would take an order of this size, price and time, or look for one of this number."""
    act, size, price = int(asked[_ACT]), asked[_SIZE], asked[_PRICE]
    if act == _ONE:
        return bool(abs(size) < np.inf)
    is_known = abs(size) <= 1.0 and abs(asked[_EXPIRES_BARS]) < np.inf
    return is_known and (act == _MARKET or 0.0 < price < np.inf)


@inlined
def _wanted(asked: FloatArray, orders: Orders, sight: Sight, terms: TradingTerms) -> Wanted:
    """Order that is asked for, of a size that may be; 0 is none."""
    size, price = asked[_SIZE], asked[_PRICE]
    if asked[_REDUCE_ONLY] != 0.0:
        quantity = size_reduction(sight.held, size, terms.lot_size)
        is_reducing = quantity != 0.0
    else:
        at = price if price != 0.0 else sight.seen.price
        sized = size_order(sight.seen, may_open(orders), size, at, terms)
        quantity, is_reducing = sized.quantity, sized.code == REDUCING
    expires, bars = np.inf, int(asked[_EXPIRES_BARS])
    if bars != 0:
        expires = sight.close_ms + bars * sight.step_ms
    post_only = asked[_POST_ONLY] != 0.0
    return Wanted(int(asked[_ACT]), quantity, price, is_reducing, post_only, expires, sight.wait_bars)


class Reach(NamedTuple):
    """Where orders are reached.

    Parameters
    ----------
    low, high
        A bar that touches one of both must be stepped.
    expires
        From which time on one is expired, milliseconds.
    is_fresh
        Whether one has not rested in a bar yet, or waits for its latency.
    """

    low: float
    high: float
    expires: float
    is_fresh: bool


@inner
def reach_of(orders: Orders) -> Reach:
    """Return where the orders of a book are reached."""
    low, high, expires, is_fresh = -np.inf, np.inf, np.inf, False
    for at in range(orders.n):
        row = orders.rows[at]
        if row[KIND] == MARKET:
            low = np.inf
        elif (row[KIND] == LIMIT) == (row[LEAVES] > 0.0):
            low = max(low, row[PRICE])
        else:
            high = min(high, row[PRICE])
        expires = min(expires, row[EXPIRES])
        is_fresh |= row[AGE] == 0.0 or row[WAIT] > 0.0
    return Reach(low, high, expires, is_fresh)


@inner
def rested(orders: Orders, reach: Reach) -> Reach:
    """Let orders rest in a bar that reaches none of them, as the step does; where they are reached then."""
    is_fresh = False
    for at in range(orders.n):
        if orders.rows[at, WAIT] > 0.0:
            orders.rows[at, WAIT] -= 1.0
            is_fresh = True
        else:
            orders.rows[at, AGE] = 1.0
    return Reach(reach.low, reach.high, reach.expires, is_fresh)
