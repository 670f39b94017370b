"""What the rules of an account observe of an order, and what they can't do without; see ``account_rules``."""

import math
from collections.abc import Callable, Iterator

from quant_pipelines.risk.account_view import (
    NO_PRICES,
    AccountOrder,
    AccountView,
    BookExposure,
    OpenExposure,
)

_FEWEST_ORDERS = 20
"""Fewer orders of a day say nothing of how many it takes for a fill."""

Observed = Callable[[AccountView, AccountOrder], float]
Inputs = Callable[[AccountView, AccountOrder], Iterator[tuple[str, float]]]
"""Names and values of what a rule can't do without."""


def no_inputs(_view: AccountView, _order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Return none: the rule needs nothing but the order's place."""
    yield from ()


def of_order(_view: AccountView, order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Quantity and price of the order."""
    yield "quantity of the order", order.quantity
    yield "price of the order", order.price


def of_prices(view: AccountView, order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Price and quantity of the order, and what the market pays."""
    prices = view.prices.get(order.symbol, NO_PRICES)
    yield from of_order(view, order)
    yield f"mark price of {order.symbol}", prices.mark
    yield f"last price of {order.symbol}", prices.last


def of_age(view: AccountView, order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Age of the data."""
    yield f"age of the data of {order.symbol}", view.prices.get(order.symbol, NO_PRICES).age_seconds


def of_exposure(view: AccountView, order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Every book, and a price of each symbol that is held."""
    yield from of_order(view, order)
    for deployment_id in sorted(view.unknown | {order.deployment_id} - view.books.keys()):
        yield f"book of deployment:{deployment_id}", math.nan
    for symbol in {*view.symbols, order.symbol}:
        if view.net(symbol, order.quantity if symbol == order.symbol else 0.0) != 0.0:
            yield f"price of {symbol}", view.price_of(symbol)


def of_equity(view: AccountView, order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Exposure, and the equity that it is measured by."""
    yield from of_exposure(view, order)
    yield "equity of the account", view.nav


def of_loss(view: AccountView, _order: AccountOrder) -> Iterator[tuple[str, float]]:
    """Every book that is expected, and the equity of all now and at midnight."""
    for deployment_id in sorted(view.unknown):
        yield f"book of deployment:{deployment_id}", math.nan
    yield "equity of the account", view.nav
    yield "equity of the account at 00:00 UTC", view.day_start_nav


def order_notional(view: AccountView, order: AccountOrder) -> float:
    """Value of the order at the higher of its own and the newest price, quote."""
    known = view.price_of(order.symbol)
    return abs(order.quantity) * max(order.price, known if math.isfinite(known) else order.price)


def price_deviation(view: AccountView, order: AccountOrder) -> float:
    """Larger distance of the order's price from mark and last price, as a fraction of them."""
    mark, last, _ = view.prices.get(order.symbol, NO_PRICES)
    return max(abs(order.price / mark - 1.0), abs(order.price / last - 1.0))


def open_notional(view: AccountView, order: AccountOrder) -> float:
    """Value of everything that is open or unknown with this order, quote."""
    waiting = sum((book.bought + book.sold) * view.price_of(book.symbol) for book in _waiting(view))
    return waiting + abs(order.quantity) * order.price


def _waiting(view: AccountView) -> Iterator[BookExposure]:
    return (book for book in view.books.values() if book.orders)


def symbol_notional(view: AccountView, order: AccountOrder) -> float:
    """Worst case of the symbol's position after the order, quote, unsigned."""
    return abs(view.notional(order.symbol, order.quantity))


def gross_notional(view: AccountView, order: AccountOrder) -> float:
    """Sum of the worst cases of all symbols after the order, quote."""
    others = (abs(view.notional(symbol)) for symbol in view.symbols if symbol != order.symbol)
    return symbol_notional(view, order) + sum(others)


def net_notional(view: AccountView, order: AccountOrder) -> float:
    """Longs less shorts of the account after the order, quote, unsigned."""
    others = (view.notional(symbol) for symbol in view.symbols if symbol != order.symbol)
    return abs(view.notional(order.symbol, order.quantity) + sum(others))


def over_equity(notional: float, view: AccountView) -> float:
    """Return a notional as a multiple of the equity; infinite without equity, NaN where that is not known."""
    return math.inf if view.nav <= 0.0 else notional / view.nav


def counted(orders: tuple[AccountOrder, ...], order: AccountOrder, window_ms: int) -> Iterator[AccountOrder]:
    """Orders of the window before one, without itself."""
    name = order.client_order_id
    return (
        one
        for one in orders
        if order.at_ms - window_ms < one.at_ms <= order.at_ms and not (name and one.client_order_id == name)
    )


def same(orders: Iterator[AccountOrder], order: AccountOrder) -> int:
    """Count the orders that are the same as one; parts of one are meant to be alike."""
    if order.part_of:
        return 0
    wanted = _sameness(order)
    return sum(_sameness(one) == wanted for one in orders)


def _sameness(order: AccountOrder) -> tuple[object, ...]:
    """Return what is the same of two that are; the price of a market order says nothing."""
    prices = (order.is_limit and order.price, order.is_stop and order.price)
    return (order.deployment_id, order.symbol, order.quantity, order.part_of, *prices)


def orders_per_fill(view: AccountView, _order: AccountOrder) -> float:
    """Orders of the account since 00:00 UTC with this one, for each fill; 0 while they are few."""
    n_orders = 1 + sum(book.orders_today for book in view.books.values())
    n_fills = sum(book.fills_today for book in view.books.values())
    return 0.0 if n_orders < _FEWEST_ORDERS else n_orders / max(n_fills, 1)


def self_matches(view: AccountView, order: AccountOrder) -> float:
    """Open orders of the account that this one could trade with."""
    asked, others = order.exposure, (one for book in view.of_symbol(order.symbol) for one in book.orders)
    return float(sum(_could_meet(asked, one) for one in others))


def _could_meet(asked: OpenExposure, other: OpenExposure) -> bool:
    """Whether two orders on both sides could trade with each other: one of them must rest at a limit.

    What has a limit too meets it up to that, a stop from its trigger on: what rests before it, the market has
    filled by then. An order without either could meet all that rests.
    """
    resting, taking = (other, asked) if math.isfinite(other.price) else (asked, other)
    if not asked.quantity * other.quantity < 0.0 or not math.isfinite(resting.price):
        return False
    side = math.copysign(1.0, taking.quantity)
    if math.isfinite(taking.trigger_price):
        return side * resting.price >= side * taking.trigger_price
    is_in_flight = taking is other
    return not is_in_flight and not side * resting.price > side * taking.price
