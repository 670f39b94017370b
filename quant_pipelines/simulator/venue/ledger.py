"""The ledger: what is open in memory, everything in the file, and nothing half done.

Changes happen inside ``transaction``. It ends in one durable commit, after which the user's stream hears of
them; when anything fails, file and memory are as they were before (memory is read again from the file:
recovering is starting).
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from quant_pipelines.core.errors import DataError
from quant_pipelines.simulator.venue.records import (
    OPEN_ALGO,
    OPEN_ORDER,
    ZERO,
    AccountRecord,
    AlgoOrder,
    Amendment,
    Countdown,
    FillRecord,
    IncomeRecord,
    MarginChange,
    Order,
    PositionRecord,
    Record,
)
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.store import Store

logger = logging.getLogger(__name__)

Message = dict[str, Any]


class Ledger:
    """Books of the venue.

    Parameters
    ----------
    path
        Ledger file, or ``:memory:``.

    Attributes
    ----------
    orders, algos
        What is open, by number.
    positions, countdowns
        By symbol.
    account
        The account as a whole; its ``played_ms`` is as of the last commit.
    played_ms
        Market time up to which prices were applied.

    Raises
    ------
    ConfigurationError
        If the file can't be used.
    DataError
        If its wallet is not the sum of its income rows.
    """

    def __init__(self, path: Path | str) -> None:
        self.store = Store(path)
        self.publish: Callable[[Message], None] = _nobody_listens
        self._outbox: list[Message] = []
        self._is_changed = False
        self._is_stale = False
        self._read()
        self.played_ms = self.account.played_ms
        booked = sum((income.amount for income in self.store.select(IncomeRecord)), ZERO)
        if booked != self.account.wallet:
            self.store.close()
            raise DataError(
                f"ledger file {path} has a wallet of {self.account.wallet}; "
                f"expected {booked}, the sum of its income rows"
            )

    def position(self, symbol: str) -> PositionRecord:
        """Position and settings of a symbol; flat with default settings when nothing was stored."""
        return self.positions.get(symbol) or PositionRecord(symbol)

    def put(self, record: Record) -> None:
        """Remember a record's new state."""
        self._is_changed = True
        self.store.put(record)
        self._place(record)

    def drop_countdown(self, countdown: Countdown) -> None:
        """Forget a dead-man switch."""
        self._is_changed = True
        self.store.delete(countdown)
        self.countdowns.pop(countdown.symbol, None)

    def next_number(self) -> int:
        """Give the next order or income number."""
        self.put(replace(self.account, last_number=self.account.last_number + 1))
        return self.account.last_number

    def next_fill(self) -> int:
        """Give the next trade id."""
        self.put(replace(self.account, last_fill=self.account.last_fill + 1))
        return self.account.last_fill

    def tell(self, message: Message) -> None:
        """Queue a message to the user's stream; it is sent after the commit."""
        self._outbox.append(message)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside become durable together, or none happens.

        Raises
        ------
        VenueError
            -1008 if the disk is full, -1000 if the file can't be written or read for another reason.
        """
        played_ms = self.played_ms
        try:
            if self._is_stale:
                self._read()
            yield
            if self._is_changed:
                self.put(replace(self.account, played_ms=self.played_ms))
                self.store.commit()
                self._is_changed = False
        except sqlite3.Error as error:
            logger.exception("the ledger file refuses; nothing was changed")
            self._forget(played_ms)
            is_full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
            raise refusal("disk_full" if is_full else "unknown") from error
        except BaseException:
            self._forget(played_ms)
            raise
        messages, self._outbox = self._outbox, []
        for message in messages:
            self.publish(message)

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def _forget(self, played_ms: int) -> None:
        self._outbox = []
        self.played_ms = played_ms
        if not self._is_changed:
            return
        self._is_changed, self._is_stale = False, True
        self.store.roll_back()
        try:
            self._read()
        except sqlite3.Error:
            logger.exception("the ledger file can't be read; it is tried again with the next request")

    def _read(self) -> None:
        marks = ("?, " * len(OPEN_ORDER))[:-2]
        self.orders = {
            order.number: order for order in self.store.select(Order, f"status IN ({marks})", *OPEN_ORDER)
        }
        self.algos = {
            algo.number: algo for algo in self.store.select(AlgoOrder, f"status IN ({marks})", *OPEN_ALGO)
        }
        self.positions = {position.symbol: position for position in self.store.select(PositionRecord)}
        self.countdowns = {countdown.symbol: countdown for countdown in self.store.select(Countdown)}
        stored = self.store.select(AccountRecord)
        self.account = stored[0] if stored else AccountRecord()
        self._is_stale = False

    def _place(self, record: Record) -> None:
        match record:
            case Order():
                _keep(self.orders, record.number, record, is_open=record.is_open)
            case AlgoOrder():
                _keep(self.algos, record.number, record, is_open=record.is_open)
            case PositionRecord():
                self.positions[record.symbol] = record
            case Countdown():
                self.countdowns[record.symbol] = record
            case AccountRecord():
                self.account = record
            case FillRecord() | IncomeRecord() | MarginChange() | Amendment():
                pass  # read from the file when somebody asks


def _keep(of: dict[int, Any], number: int, record: Any, *, is_open: bool) -> None:
    if is_open:
        of[number] = record
    else:
        of.pop(number, None)


def _nobody_listens(_message: Message) -> None: ...
