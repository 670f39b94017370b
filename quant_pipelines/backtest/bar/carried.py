"""What one run leaves to the next: positions with their stops, what is pending, and the open round trips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from quant_pipelines.backtest.bar.document import state_document, state_from_document
from quant_pipelines.backtest.bar.state import BookState, with_order
from quant_pipelines.backtest.bar.stops import Standing
from quant_pipelines.backtest.bar.trades import NO_TRADE, OpenTrade
from quant_pipelines.core.errors import BacktestError


@dataclass(frozen=True, slots=True)
class CarriedBook:
    """One book as a run has left it.

    Parameters
    ----------
    state
        After the last bar, with the order that is pending.
    trade
        Round trip that is open.
    until_ms
        Close of the last bar, milliseconds UTC: what happens from then on is the next run's.
    decided_ms
        Close up to which the strategy has decided; 0 where another one takes over, which decides at the
        first close on what is known then, as a deployment does.
    desk
        Of an event strategy: documents of its book, with the orders that rest, and of what it remembers.
    """

    state: BookState
    trade: OpenTrade
    until_ms: int
    decided_ms: int
    desk: dict[str, Any] | None = None

    @property
    def held_ms(self) -> int:
        """For how long the position is held; 0 where there is none."""
        return self.until_ms - self.trade.entry_ts if self.trade.side else 0

    @property
    def book_document(self) -> dict[str, Any]:
        """Document of a ``Book`` that goes on."""
        if self.desk:
            known: dict[str, Any] = self.desk["book"]
            return known
        return {"last_ts": -1, "fills": 0, "purpose": "target", "state": state_document(self.state)}

    def to_document(self) -> dict[str, Any]:
        """Return it as a JSON document; floats keep their last digit."""
        times = {"until_ms": self.until_ms, "decided_ms": self.decided_ms, "desk": self.desk}
        return times | {"state": state_document(self.state), "trade": self.trade._asdict()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "CarriedBook":
        """Book of a document that ``to_document`` made."""
        kinds = {name: type(value) for name, value in NO_TRADE._asdict().items()}
        trade = OpenTrade(**{name: kinds[name](value) for name, value in document["trade"].items()})
        state = state_from_document(document["state"])
        return cls(state, trade, int(document["until_ms"]), int(document["decided_ms"]), document["desk"])


@dataclass(frozen=True, slots=True)
class Carried:
    """An account as a run has left it; see ``BacktestSettings.carried``.

    Parameters
    ----------
    books
        In the order of the symbols.
    reserve
        Cash that is no book's share, quote.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import replace
    >>> from quant_pipelines.backtest import BacktestSettings, run_backtest
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> class Hold(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> bars, settings = Bars.of_closes([100, 100, 110, 121], timeframe="1d"), BacktestSettings()
    >>> whole = run_backtest(Hold(), bars, settings=settings)
    >>> first = run_backtest(Hold(), bars.rows(0, 2), settings=settings)
    >>> goes_on = replace(settings, carried=first.carried, trade_from_ms=int(bars.ts[2]))
    >>> second = run_backtest(Hold(), bars, settings=goes_on)
    >>> np.concatenate([first.daily_returns, second.daily_returns]).tolist() == whole.daily_returns.tolist()
    True
    """

    books: tuple[CarriedBook, ...]
    reserve: float = 0.0

    @property
    def value(self) -> float:
        """Value of the account at the last close, quote."""
        value = self.reserve
        for book in self.books:  # in the order in which the account's own loop adds them
            value += book.state.curve.equity
        return value

    @property
    def taken_over(self) -> "Carried":
        """The same for another strategy, which decides anew at the first close."""
        return replace(self, books=tuple(replace(book, decided_ms=0) for book in self.books))

    @property
    def leaving(self) -> "Carried":
        """The same with orders that close at the next open what is held."""
        return replace(self.taken_over, books=tuple(_leaving(book) for book in self.books))

    def rescaled(self, by: Sequence[float]) -> "Carried":
        """Return the same in a scale in which each symbol's prices are so many times what they were.

        What a strategy remembers can't be: one that places orders leaves, and begins anew.
        """
        books = [_rescaled(*pair) if pair[1] != 1.0 else pair[0] for pair in zip(self.books, by, strict=True)]
        return replace(self, books=tuple(books))

    def of_book(self, number: int) -> "Carried":
        """Only one of the books, which needs no reserve."""
        if number >= len(self.books):
            raise BacktestError(f"{len(self.books)} books are carried over; expected one for every symbol")
        return Carried((self.books[number],))

    def to_document(self) -> dict[str, Any]:
        """Return it as a JSON document; floats keep their last digit."""
        return {"reserve": self.reserve, "books": [book.to_document() for book in self.books]}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Carried":
        """Account of a document that ``to_document`` made."""
        books = tuple(CarriedBook.from_document(book) for book in document["books"])
        return cls(books, float(document["reserve"]))


def _rescaled(book: CarriedBook, by: float) -> CarriedBook:
    state, trade, guard = book.state, book.trade, book.state.stop.guard
    account, order, seen = state.account, state.order, state.seen
    guard = guard._replace(
        best=guard.best * by, distance=guard.distance * by, goal=guard.goal * by, sar=guard.sar * by
    )
    state = state._replace(
        account=account._replace(position=account.position / by, entry_price=account.entry_price * by),
        order=order._replace(quantity=order.quantity / by),
        stop=Standing(state.stop.price * by, guard),
        close=state.close * by,
        seen=seen._replace(
            atr=seen.atr * by, low=seen.low * by, high=seen.high * by, volume=seen.volume / by
        ),
        stuck=state.stuck._replace(quantity=state.stuck.quantity / by),
    )
    trade = trade._replace(
        entered=trade.entered / by,
        entry_price=trade.entry_price * by,
        exited=trade.exited / by,
        exit_price=trade.exit_price * by,
    )
    same = replace(book, state=state, trade=trade)
    return _leaving(same) if book.desk else same


def _leaving(book: CarriedBook) -> CarriedBook:
    state = book.state
    held = state.account.position + state.order.quantity
    return replace(book, state=with_order(state, -held, 0.0), decided_ms=0, desk=None)
