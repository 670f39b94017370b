"""All books of one account, as the rules of the account see them; asked from any thread.

Every book reports itself after each change. What is approved counts as open at once, so that two books that
decide at the same moment can't both take what is left of a limit.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from quant_pipelines.core.account_limits import NO_ACCOUNT_LIMITS, AccountLimits
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.account_rules import AccountDenial, account_denial
from quant_pipelines.risk.account_view import (
    NO_PRICES,
    REPEATED_MS,
    AccountOrder,
    AccountView,
    BookExposure,
    OpenExposure,
    Prices,
)
from quant_pipelines.risk.alert_levels import AccountState, reached

_MOST_KEPT = 10_000

PricesOf = Callable[[str], Prices]


class AccountGate(Protocol):
    """What an order must pass besides the rules of its own book."""

    def report(self, exposure: Callable[[], BookExposure]) -> None:
        """Take over what a book holds now."""

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve an order before its intent is committed; it counts as open from then on."""

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve an order that was committed, before it is sent."""

    def executed(self, order: AccountOrder) -> None:
        """Note that an order was filled."""

    def prices(self, symbol: str) -> Prices:
        """Prices of a symbol as the streams told them last."""


class OpenGate:
    """Approves everything: a book that belongs to no account that is watched."""

    def report(self, exposure: Callable[[], BookExposure]) -> None:
        """Take over nothing."""

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve."""

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve."""

    def executed(self, order: AccountOrder) -> None:
        """Note nothing."""

    def prices(self, symbol: str) -> Prices:
        """Know none."""
        return NO_PRICES


OPEN_GATE = OpenGate()


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What an account may do: its limits, and the symbols in which nothing may be opened."""

    limits: AccountLimits = NO_ACCOUNT_LIMITS
    restricted: frozenset[str] = field(default_factory=frozenset)


class _Start(NamedTuple):
    """From where a book's losses count: the UTC day of its newest bar, and its equity then."""

    day: int
    equity: float


class AccountBooks:
    """Books of one account.

    Parameters
    ----------
    prices_of
        Prices of a symbol as they are now.
    """

    def __init__(self, prices_of: PricesOf) -> None:
        self._prices_of = prices_of
        self._lock = threading.Lock()
        self._books: dict[int, BookExposure] = {}
        self._capital: dict[int, float] = {}
        self._terms = AccountTerms()
        self._sent: deque[AccountOrder] = deque(maxlen=_MOST_KEPT)
        self._executed: deque[AccountOrder] = deque(maxlen=_MOST_KEPT)
        self._peak_nav = 0.0
        self._failed: set[int] = set()
        self._rearmed: dict[int, _Start] = {}
        self._rearmed_at = ""

    @property
    def deployment_ids(self) -> set[int]:
        """Whose books it has."""
        return set(self._capital)

    def expect(self, deployment_id: int, capital: float) -> None:
        """Count a deployment in; nothing is approved by its equity before its book has reported."""
        with self._lock:
            self._capital[deployment_id] = capital
            self._failed.discard(deployment_id)

    def lose(self, deployment_id: int) -> None:
        """Go on expecting a deployment that could not be opened; its book is not known until it is."""
        with self._lock:
            self._books.pop(deployment_id, None)
            self._failed.add(deployment_id)

    def forget(self, deployment_id: int) -> None:
        """Count a deployment out that is no longer traded."""
        with self._lock:
            self._capital.pop(deployment_id, None)
            self._books.pop(deployment_id, None)
            self._failed.discard(deployment_id)

    def follow(self, terms: AccountTerms) -> None:
        """Trade within these limits from now on."""
        with self._lock:
            self._terms = terms

    def report(self, exposure: Callable[[], BookExposure]) -> None:
        """Take over what a book holds now."""
        told = exposure()
        with self._lock:
            if told.deployment_id in self._capital.keys() - self._failed:
                self._books[told.deployment_id] = told

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve an order before its intent is committed; it counts as open from then on."""
        prices = self._prices(order.symbol)
        if math.isfinite(order.data_age_seconds):
            known = prices[order.symbol]._replace(age_seconds=order.data_age_seconds)
            prices = {**prices, order.symbol: known}
        with self._lock:
            denial = account_denial(self._view(prices, is_reducing=is_reducing), order, self._terms.limits)
            if denial is None:
                self._count(order)
            return denial

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        """Approve an order that was committed, before it is sent."""
        prices = self._prices(order.symbol)
        with self._lock:
            return account_denial(self._view(prices, is_reducing=is_reducing), order, self._terms.limits)

    def executed(self, order: AccountOrder) -> None:
        """Note that an order was filled."""
        with self._lock:
            self._executed.append(order)

    def prices(self, symbol: str) -> Prices:
        """Prices of a symbol as the streams told them last."""
        return self._prices_of(symbol)

    def alerts(self) -> dict[str, str]:
        """Levels of alerts that the account is above now, each with one sentence."""
        prices = self._prices()
        with self._lock:
            view, capital = self._view(prices), sum(self._capital.values())
            self._peak_nav = max(self._peak_nav, capital, view.nav)  # NaN is no peak
            return reached(AccountState(view, self._peak_nav, capital))

    def hard_stop(self) -> str:
        """Why everything of the account is closed, in one sentence; empty while it need not be.

        A book that could not be opened is left out on both sides: nobody knows its loss, and those of the
        others must stop them all the same.
        """
        with self._lock:
            limit, books = self._terms.limits.max_account_loss_fraction, dict(self._books)
            rearmed = {key: self._rearmed[key].equity for key in books if self._is_rearmed(key)}
            if self._capital.keys() - books.keys() - self._failed:
                return ""
        start = sum(rearmed.get(key, book.day_start_equity) for key, book in books.items())
        lost = 1.0 - sum(book.equity for book in books.values()) / start if start > 0.0 else math.nan
        if not lost > limit:
            return ""
        since = self._rearmed_at if rearmed else "00:00"
        return f"the account has lost {lost:.2%} since {since} UTC, more than {limit:.2%}".replace("%", " %")

    def rearm(self, now_ms: int) -> None:
        """Count what each book loses from now on until its day ends: a person has let them go on."""
        with self._lock:
            self._rearmed = {
                key: _Start(book.day, book.equity)
                for key, book in self._books.items()
                if math.isfinite(book.equity)
            }
            self._rearmed_at = f"{from_ms(now_ms):%H:%M}"

    def _is_rearmed(self, deployment_id: int) -> bool:
        """Whether the day still lasts in which a person let a book go on, by the book's own bars."""
        start = self._rearmed.get(deployment_id)
        return start is not None and start.day == self._books[deployment_id].day

    def _prices(self, *more: str) -> dict[str, Prices]:
        with self._lock:
            symbols = {*more, *(book.symbol for book in self._books.values())}
        return {symbol: self._prices_of(symbol) for symbol in sorted(symbols)}

    def _view(self, prices: dict[str, Prices], *, is_reducing: bool = False) -> AccountView:
        return AccountView(
            dict(self._books),
            prices,
            tuple(self._sent),
            tuple(self._executed),
            self._terms.restricted,
            frozenset(self._capital.keys() - self._books.keys()),
            is_reducing,
        )

    def _count(self, order: AccountOrder) -> None:
        """Count an approved order as sent and as open; its book's next report knows it by itself."""
        for kept in (self._sent, self._executed):
            while kept and kept[0].at_ms < order.at_ms - REPEATED_MS:
                kept.popleft()
        self._sent.append(order)
        book = self._books.get(order.deployment_id)
        if book is not None:
            price = order.price if order.is_limit else math.nan
            opened = OpenExposure(order.quantity, price, order.client_order_id)
            self._books[order.deployment_id] = book._replace(orders=(*book.orders, opened))
