"""What the rules of an account see: all of its books, their orders, prices, and what was sent of late."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from quant_pipelines.risk.account_nav import Nav, nav_of

MINUTE_MS = 60_000
REPEATED_MS = 3_600_000
IDENTICAL_MS = 2_000
REJECTS_MS = 10 * MINUTE_MS


class OpenExposure(NamedTuple):
    """Order that works or whose outcome is unknown: it counts as if it were filled.

    Signed base quantity that may still be filled, its limit in quote per base (NaN for an order without
    one), its name, and the price from which on it takes (NaN for one that is no stop).
    """

    quantity: float
    price: float = math.nan
    client_order_id: str = ""
    trigger_price: float = math.nan


class BookExposure(NamedTuple):
    """One book of the account.

    Parameters
    ----------
    deployment_id, symbol
        Whose, and what it trades.
    position
        Base, signed.
    orders
        What may still change it; orders that only reduce are left out.
    equity, day_start_equity
        Quote, now and at 00:00 UTC; NaN where they are not known.
    price
        Last close that the book was marked at, quote per base; NaN before the first one.
    orders_today, fills_today
        Counted since 00:00 UTC.
    day
        UTC day of the newest bar that is booked, days since 1970: the one of ``day_start_equity``; -1 before
        the first bar.
    paid_in
        Capital that the book has, quote; NaN where it is not known.
    """

    deployment_id: int
    symbol: str
    position: float
    orders: tuple[OpenExposure, ...] = ()
    equity: float = math.nan
    day_start_equity: float = math.nan
    price: float = math.nan
    orders_today: int = 0
    fills_today: int = 0
    day: int = -1
    paid_in: float = math.nan

    @property
    def bought(self) -> float:
        """Base that open orders may still buy."""
        return sum(order.quantity for order in self.orders if order.quantity > 0.0)

    @property
    def sold(self) -> float:
        """Base that open orders may still sell, unsigned."""
        return -sum(order.quantity for order in self.orders if order.quantity < 0.0)


class AccountOrder(NamedTuple):
    """Order that is asked for.

    Parameters
    ----------
    deployment_id, symbol
        Who orders what.
    quantity
        Base, signed.
    price
        Quote per base: its limit or trigger, or the close that a market order was decided on.
    at_ms
        When, milliseconds UTC.
    is_limit
        Whether it rests at that price.
    client_order_id
        Empty before it has one.
    data_age_seconds
        Age of the data that it was decided on; NaN: as old as they are when it is asked about.
    adds_to_net
        Whether it takes what the account holds of the symbol further from flat, whatever it does to its book.
    is_stop
        Whether it takes once the market is at that price.
    part_of
        Name of the approved order of which it is a part; its quantity is what is left of that, and no less
        than what is sent. Empty for a whole one.
    """

    deployment_id: int
    symbol: str
    quantity: float
    price: float
    at_ms: int
    is_limit: bool = False
    client_order_id: str = ""
    data_age_seconds: float = math.nan
    adds_to_net: bool = False
    is_stop: bool = False
    part_of: str = ""

    @property
    def exposure(self) -> OpenExposure:
        """The same as one that is open."""
        price = self.price if self.is_limit else math.nan
        trigger = self.price if self.is_stop else math.nan
        return OpenExposure(self.quantity, price, self.client_order_id, trigger)


class Prices(NamedTuple):
    """Mark and last price of a symbol, quote per base, and the age of the data in seconds; NaN: not known."""

    mark: float = math.nan
    last: float = math.nan
    age_seconds: float = math.nan


NO_PRICES = Prices()


class AccountView(NamedTuple):
    """State of one account.

    Parameters
    ----------
    books
        By deployment.
    prices
        By symbol.
    sent
        Orders that were approved of late, oldest first, those that are asked about again included.
    executed
        Those of them that were filled of late.
    restricted
        Symbols in which nothing may be opened.
    unknown
        Deployments of the account whose book is not known yet.
    is_reducing
        Whether the breaker lets through only what reduces.
    near_liquidation
        Symbols whose stop would come behind the venue's liquidation.
    by_venue, venue_age_ms
        What the account is worth by the venue, and how old that is; None where only the books tell.
    """

    books: Mapping[int, BookExposure]
    prices: Mapping[str, Prices]
    sent: tuple[AccountOrder, ...] = ()
    executed: tuple[AccountOrder, ...] = ()
    restricted: frozenset[str] = frozenset()
    unknown: frozenset[int] = frozenset()
    is_reducing: bool = False
    near_liquidation: frozenset[str] = frozenset()
    by_venue: Nav | None = None
    venue_age_ms: float = 0.0

    @property
    def nav(self) -> float:
        """Equity of the account, quote; NaN if a book is not known."""
        return self._nav.now

    @property
    def day_start_nav(self) -> float:
        """The same at 00:00 UTC."""
        return self._nav.start

    @property
    def _nav(self) -> Nav:
        books = self.books.values()
        summed = Nav(sum(book.equity for book in books), sum(book.day_start_equity for book in books))
        return nav_of(Nav(math.nan, math.nan) if self.unknown else summed, self.by_venue, self.venue_age_ms)

    @property
    def day_loss_fraction(self) -> float:
        """Loss since 00:00 UTC as a fraction of the equity then; 1 where there was none."""
        start = self.day_start_nav
        return 1.0 if start <= 0.0 else 1.0 - self.nav / start

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of its books."""
        return tuple(sorted({book.symbol for book in self.books.values()}))

    def before(self, order: AccountOrder) -> "AccountView":
        """State without an order that may be counted in its book already."""
        book = self.books.get(order.deployment_id)
        if book is None or not order.client_order_id:
            return self
        mine = (order.client_order_id, order.part_of or order.client_order_id)
        others = tuple(one for one in book.orders if one.client_order_id not in mine)
        return self._replace(books={**self.books, order.deployment_id: book._replace(orders=others)})

    def price_of(self, symbol: str) -> float:
        """Mark where it is known, else last price, else the newest close of a book; NaN without any."""
        mark, last, _ = self.prices.get(symbol, NO_PRICES)
        closes = (book.price for book in self.of_symbol(symbol))
        return next((price for price in (mark, last, *closes) if math.isfinite(price)), math.nan)

    def of_symbol(self, symbol: str) -> Iterator[BookExposure]:
        """Books of a symbol."""
        return (book for book in self.books.values() if book.symbol == symbol)

    def net(self, symbol: str, ordered: float = 0.0) -> float:
        """Position of a symbol, base, signed, in the worst case of everything open and of one order more.

        The worst case is the one that is farther from flat: all open buys filled and no sell, or the reverse.
        """
        books = tuple(self.of_symbol(symbol))
        held = sum(book.position for book in books)
        highest = held + sum(book.bought for book in books) + max(ordered, 0.0)
        lowest = held - sum(book.sold for book in books) + min(ordered, 0.0)
        return max(highest, lowest, key=abs)

    def notional(self, symbol: str, ordered: float = 0.0) -> float:
        """Worth of ``net`` in quote, signed; NaN where no price is known and something is held."""
        quantity = self.net(symbol, ordered)
        return 0.0 if quantity == 0.0 else quantity * self.price_of(symbol)
