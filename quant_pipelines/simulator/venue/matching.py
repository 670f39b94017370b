"""Matching on the played market.

A taker walks the book that the venue publishes (``depth``), level by level, one fill each; what our orders
have taken stays away until the next price. So a small order pays the spread, a large one its impact, and a
market order stops at ``market_bound`` from the last price. A limit order rests until the market trades
*through* its price, and then gets at most what traded there, at its own price, as maker. Our own orders
never meet each other.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from quant_pipelines.simulator.venue.booking import Match, book_fill
from quant_pipelines.simulator.venue.messages import tell_account, tell_algo, tell_order
from quant_pipelines.simulator.venue.records import BUY, ZERO, AlgoOrder, Order
from quant_pipelines.simulator.venue.state import BookLevel, Venue


def limit_of(venue: Venue, order: Order) -> Decimal:
    """Worst price that a taker accepts: its limit, or the market bound."""
    if order.price:
        return order.price
    last, bound = venue.quote(order.symbol).last, venue.contracts[order.symbol].market_bound
    return last * (1 + bound if order.side == BUY else 1 - bound)


def reachable(venue: Venue, order: Order) -> Iterator[BookLevel]:
    """Levels of the book that an order meets at once, best first, less what was taken from them already."""
    quote = venue.quote(order.symbol)
    depth = venue.depth(order.symbol, quote.ts_ms)
    limit = limit_of(venue, order)
    taken = venue.taken.get((order.symbol, order.side), ZERO)
    for price, quantity in depth.asks if order.side == BUY else depth.bids:
        if price > limit if order.side == BUY else price < limit:
            return
        left = quantity - min(taken, quantity)
        taken -= quantity - left
        if left:
            yield price, left


def is_marketable(venue: Venue, order: Order) -> bool:
    """Whether any of it would be executed at once."""
    return next(reachable(venue, order), None) is not None


def can_fill_at_once(venue: Venue, order: Order) -> bool:
    """Whether all of it would be executed at once."""
    return sum((quantity for _, quantity in reachable(venue, order)), ZERO) >= order.leaves


def take(venue: Venue, order: Order) -> Order:
    """Execute what the book offers to an order that has just arrived; the rest rests, or expires."""
    order = walk(venue, order, list(reachable(venue, order)))
    can_rest = order.kind == "LIMIT" and order.time_in_force not in ("IOC", "FOK")
    if order.is_open and not (can_rest and fillable(venue, order)):
        return close(venue, order, "EXPIRED")
    return order


def walk(venue: Venue, order: Order, levels: list[BookLevel]) -> Order:
    """Take from levels of the book, one fill each, until the order is done."""
    fee_rate = venue.contracts[order.symbol].taker_fee
    for price, offered in levels:
        quantity = min(offered, fillable(venue, order))
        if not quantity:
            break
        key = (order.symbol, order.side)
        venue.taken[key] = venue.taken.get(key, ZERO) + quantity
        order = execute(venue, order, Match(price, quantity, fee_rate, is_maker=False))
    return order


def trade_through(venue: Venue, symbol: str) -> None:
    """Fill the resting orders whose price the market has just traded through, best price and oldest first."""
    quote = venue.quotes[symbol]
    left = quote.traded
    for order in resting(venue, symbol):
        if not (quote.last < order.price if order.side == BUY else quote.last > order.price):
            continue
        allowed = fillable(venue, order)
        quantity = allowed if left is None else min(allowed, left)
        if quantity:
            fee_rate = venue.contracts[symbol].maker_fee
            execute(venue, order, Match(order.price, quantity, fee_rate, is_maker=True))
            left = None if left is None else left - quantity
        elif not allowed:
            close(venue, order, "EXPIRED")


def resting(venue: Venue, symbol: str) -> list[Order]:
    """Open orders of a symbol: the most aggressive first, then the oldest."""
    orders = [order for order in venue.ledger.orders.values() if order.symbol == symbol]
    return sorted(
        orders, key=lambda order: (-order.price if order.side == BUY else order.price, order.number)
    )


def fillable(venue: Venue, order: Order) -> Decimal:
    """Quantity that an order may still execute; a reduce-only order never more than the position."""
    if not (order.reduce_only or order.close_position):
        return order.leaves
    held = venue.ledger.position(order.symbol).quantity
    opposes = held < 0 if order.side == BUY else held > 0
    return min(order.leaves, abs(held)) if opposes else ZERO


def execute(venue: Venue, order: Order, execution: Match) -> Order:
    """Book one execution and tell the user."""
    ts_ms = venue.now_ms
    order, fill = book_fill(venue.ledger, order, execution, ts_ms)
    tell_account(venue, "ORDER", order.symbol, ts_ms=ts_ms)
    tell_order(venue, order, "CALCULATED" if order.is_liquidation else "TRADE", fill)
    finish_parent(venue, order)
    return order


def close(venue: Venue, order: Order, status: str) -> Order:
    """Take an order out of the book: ``CANCELED`` or ``EXPIRED``."""
    order = replace(order, status=status, updated_ms=venue.now_ms)
    venue.ledger.put(order)
    tell_order(venue, order, status)
    finish_parent(venue, order)
    return order


def finish_parent(venue: Venue, order: Order) -> None:
    """End the conditional order whose order has ended."""
    if not order.algo or order.is_open:
        return
    found = venue.ledger.store.select(AlgoOrder, "number = ?", order.algo)
    if found and found[0].status == "TRIGGERED":
        algo = replace(found[0], status="FINISHED", updated_ms=order.updated_ms)
        venue.ledger.put(algo)
        tell_algo(venue, algo, child=order)
