"""All books of one account, as the rules of the account see them; asked from any thread.

Every book reports itself after each change. What is approved counts as open at once, so that two books that
decide at the same moment can't both take what is left of a limit.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from live_runner.book.recall import Recalled
from quant_pipelines.core.account_limits import NO_ACCOUNT_LIMITS, AccountLimits
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.risk.account_nav import OLDEST_MS, AccountFunds, Nav, nav_of
from quant_pipelines.risk.account_rules import AccountDenial, account_denial
from quant_pipelines.risk.account_view import (
    MINUTE_MS,
    NO_PRICES,
    REJECTS_MS,
    REPEATED_MS,
    AccountOrder,
    AccountView,
    BookExposure,
    Prices,
)
from quant_pipelines.risk.alert_levels import AccountState, reached
from quant_pipelines.risk.held import breach_of_account, breach_of_book
from quant_pipelines.store.rearmed import EquityThen

_MOST_KEPT = 10_000
Kept = TypeVar("Kept", AccountOrder, "Refusal")

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

    def refused(self, deployment_id: int, at_ms: int) -> None:
        """Note that the venue has refused an order."""

    def breach(self, deployment_id: int, limits: RiskLimits) -> str:
        """Why a book, or its account, holds more than it may; empty if neither does, or nobody knows."""

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

    def refused(self, deployment_id: int, at_ms: int) -> None:
        """Note nothing."""

    def breach(self, deployment_id: int, limits: RiskLimits) -> str:
        """Return none: no book is known."""
        return ""

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


class Refusal(NamedTuple):
    """A venue refused an order of a deployment, milliseconds UTC."""

    deployment_id: int
    at_ms: int


_OF_THEN_MS = 2 * MINUTE_MS
"""How far from a moment the venue's balance may be that counts as that moment's."""


class AccountBooks:
    """Books of one account.

    Parameters
    ----------
    prices_of
        Prices of a symbol as they are now.
    clock
        Milliseconds UTC: how old the venue's balance is.
    """

    def __init__(self, prices_of: PricesOf, clock: Clock) -> None:
        self._prices_of = prices_of
        self._clock = clock
        self._funds: AccountFunds | None = None
        self._peak_value = 0.0
        self._rearmed_value: _Start | None = None
        self._lock = threading.Lock()
        self._books: dict[int, BookExposure] = {}
        self._capital: dict[int, float] = {}
        self._terms = AccountTerms()
        self._sent: deque[AccountOrder] = deque(maxlen=_MOST_KEPT)
        self._executed: deque[AccountOrder] = deque(maxlen=_MOST_KEPT)
        self._refused: deque[Refusal] = deque(maxlen=_MOST_KEPT)
        self._peak_gain = 0.0
        self._failed: set[int] = set()
        self._held_back: set[str] = set()
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

    def know(self, funds: AccountFunds) -> None:
        """Take over what the venue says that the account has."""
        with self._lock:
            self._funds = funds
            self._peak_value = max(self._peak_value, funds.peak_value, funds.value)

    def hold_back(self, symbol: str, is_near: bool) -> None:
        """Open nothing in a symbol while the stop of what it holds would come behind the liquidation."""
        with self._lock:
            (self._held_back.add if is_near else self._held_back.discard)(symbol)

    def report(self, exposure: Callable[[], BookExposure]) -> None:
        """Take over what a book holds now."""
        told = exposure()
        with self._lock:
            if told.deployment_id in self._capital.keys() - self._failed:
                self._books[told.deployment_id] = told
                if math.isfinite(told.paid_in):
                    self._capital[told.deployment_id] = told.paid_in

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
        """Approve an order that was committed, before it is sent; a part counts as sent from then on."""
        prices = self._prices(order.symbol)
        with self._lock:
            denial = account_denial(self._view(prices, is_reducing=is_reducing), order, self._terms.limits)
            if denial is None and order.part_of:
                self._sent.append(order)
            return denial

    def executed(self, order: AccountOrder) -> None:
        """Note that an order was filled."""
        with self._lock:
            self._executed.append(order)

    def refused(self, deployment_id: int, at_ms: int) -> None:
        """Note that the venue has refused an order."""
        with self._lock:
            self._refused.append(Refusal(deployment_id, at_ms))

    def rejects(self, now_ms: int) -> str:
        """Why the venue is not understood, in one sentence; empty while it refuses no more than may be."""
        with self._lock:
            limit = self._terms.limits.max_rejects
            n_refused = sum(1 for one in self._refused if now_ms - REJECTS_MS < one.at_ms <= now_ms)
        if n_refused <= limit:
            return ""
        minutes = REJECTS_MS // MINUTE_MS
        return f"the venue has refused {n_refused} orders within {minutes} minutes, more than {limit:g}"

    def trust(self, at_ms: int) -> None:
        """Count what the venue has refused since then: a person has let the account go on."""
        with self._lock:
            self._refused = deque((one for one in self._refused if one.at_ms > at_ms), _MOST_KEPT)

    def lift(self, deployment_id: int, at_ms: int) -> None:
        """Count the executions of a deployment since then: a person has let it go on."""
        with self._lock:
            lasting = [
                one for one in self._executed if one.deployment_id != deployment_id or one.at_ms > at_ms
            ]
            self._executed = deque(lasting, _MOST_KEPT)

    def recall(self, past: Recalled) -> None:
        """Count what the rows know of a deployment in place of what is known of it."""
        deployment_id, refused = (
            past.deployment_id,
            [Refusal(past.deployment_id, at) for at in past.refused_ms],
        )
        with self._lock:
            self._sent = _with(self._sent, deployment_id, past.sent)
            self._executed = _with(self._executed, deployment_id, past.executed)
            self._refused = _with(self._refused, deployment_id, refused)

    def recall_gain(self, gain: float) -> None:
        """Know the highest gain over the capital that the account had before this process began, quote."""
        with self._lock:
            self._peak_gain = max(self._peak_gain, gain)

    def worth(self) -> dict[str, float | None]:
        """Equity of the account now (None: not known), its highest value, and its capital; quote."""
        prices = self._prices()
        with self._lock:
            nav, capital = self._view(prices).nav, sum(self._capital.values())
            known = nav if math.isfinite(nav) else None
            return {"nav": known, "peak_nav": capital + self._peak_gain, "capital": capital}

    def breach(self, deployment_id: int, limits: RiskLimits) -> str:
        """Why a book, or its account, holds more than it may; empty if neither does, or nobody knows."""
        prices = self._prices()
        with self._lock:
            book, view, own = self._books.get(deployment_id), self._view(prices), self._terms.limits
        if book is None:
            return ""
        return breach_of_book(book, limits) or breach_of_account(view, book.symbol, own)

    def prices(self, symbol: str) -> Prices:
        """Prices of a symbol as the streams told them last."""
        return self._prices_of(symbol)

    def alerts(self) -> dict[str, str]:
        """Levels of alerts that the account is above now, each with one sentence."""
        prices = self._prices()
        with self._lock:
            view, capital, funds = self._view(prices), sum(self._capital.values()), self._funds
            if funds is not None:  # a unit was worth 1 when it was bought at the begin
                return reached(AccountState(view, self._peak_value * funds.units, funds.units))
            self._peak_gain = max(self._peak_gain, view.nav - capital)  # NaN is no peak
            return reached(AccountState(view, capital + self._peak_gain, capital))

    def hard_stop(self) -> str:
        """Why everything of the account is closed, in one sentence; empty while it need not be.

        A book that could not be opened is left out on both sides: nobody knows its loss, and those of the
        others must stop them all the same.
        """
        with self._lock:
            limit, books = self._terms.limits.max_account_loss_fraction, dict(self._books)
            rearmed = {key: self._rearmed[key].equity for key in books if self._is_rearmed(key)}
            are_all_known = not self._capital.keys() - books.keys() - self._failed
        start = sum(rearmed.get(key, book.day_start_equity) for key, book in books.items())
        summed = Nav(sum(book.equity for book in books.values()), start)
        venue, age_ms = self._by_venue()
        if not are_all_known and (venue is None or age_ms > OLDEST_MS):
            return ""  # a book that loads yet would be a loss
        lost = nav_of(summed, venue, age_ms).lost_fraction
        if not lost > limit:
            return ""
        since = self._rearmed_at if rearmed else "00:00"
        return f"the account has lost {lost:.2%} since {since} UTC, more than {limit:.2%}".replace("%", " %")

    def rearm(self, at: datetime, equity: Mapping[int, EquityThen], value: float | None = None) -> None:
        """Count what each book has lost since then until its day ends: a person let them go on.

        ``value`` is what a unit of the account was worth then, quote; None where no row tells it.
        """
        with self._lock:
            self._rearmed = {
                key: _Start(to_ms(then.at) // DAY_MS, then.equity)
                for key, then in equity.items()
                if math.isfinite(then.equity)
            }
            self._rearmed_at = f"{at:%H:%M}"
            day = to_ms(at) // DAY_MS
            self._rearmed_value = self._value_then(to_ms(at)) if value is None else _Start(day, value)

    def _value_then(self, at_ms: int) -> _Start:
        """Value of a unit when a person let it go on; NaN where the venue had not been asked by then."""
        funds = self._funds
        is_of_then = funds is not None and abs(funds.at_ms - at_ms) < _OF_THEN_MS
        return _Start(at_ms // DAY_MS, funds.value if funds is not None and is_of_then else math.nan)

    def _by_venue(self) -> tuple[Nav | None, float]:
        """Return what the venue says, since midnight or since a person let it go on, and its age.

        Where nobody knows what a unit was worth when a person let it go on, the books tell.
        """
        funds, rearmed = self._funds, self._rearmed_value
        if funds is None:
            return None, 0.0
        is_rearmed = rearmed is not None and rearmed.day == funds.at_ms // DAY_MS
        start = rearmed.equity if is_rearmed and rearmed is not None else funds.day_start_value
        if math.isnan(start):
            return None, 0.0
        return funds.since(start), self._clock() - funds.at_ms

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
            frozenset(self._held_back),
            None if self._funds is None else self._funds.since(self._funds.day_start_value),
            0.0 if self._funds is None else self._clock() - self._funds.at_ms,
        )

    def _count(self, order: AccountOrder) -> None:
        """Count an approved order as sent and as open; its book's next report knows it by itself."""
        for kept in (self._sent, self._executed):
            while kept and kept[0].at_ms < order.at_ms - REPEATED_MS:
                kept.popleft()
        self._sent.append(order)
        book = self._books.get(order.deployment_id)
        if book is not None:
            self._books[order.deployment_id] = book._replace(orders=(*book.orders, order.exposure))


def _with(known: Iterable[Kept], deployment_id: int, recalled: Iterable[Kept]) -> deque[Kept]:
    """Return what is known of others and what is recalled of one deployment, oldest first."""
    kept = [one for one in known if one.deployment_id != deployment_id]
    kept.extend(recalled)
    return deque(sorted(kept, key=lambda one: one.at_ms), _MOST_KEPT)
