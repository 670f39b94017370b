"""The book of one deployment in memory: one thread has it at a time, and it is as its rows say.

What is in memory is what was committed, or it is thrown away and read again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from live_runner.book.broker import Broker, Opened


class BookInMemory:
    """A broker, and how far it was booked.

    Parameters
    ----------
    read
        Opens the broker where its rows end.
    report
        Told of the broker and of ``booked_until_ms`` whenever they may have changed.

    Attributes
    ----------
    broker
        Acts on the book.
    booked_until_ms
        Close of the last bar that was committed, milliseconds UTC; None before the first one.
    decided_ms
        Close of the last bar that was decided on, milliseconds UTC; 0 before the first one.
    """

    def __init__(self, read: Callable[[], Opened], report: Callable[[Broker, int | None], None]) -> None:
        self._read = read
        self._report = report
        self._busy = threading.RLock()
        self._resume()

    def outdate(self) -> None:
        """Have the rows read before anybody has the book again."""
        self._is_stale = True

    @contextmanager
    def alone(self) -> Iterator[Broker]:
        """One thread at a time; whatever fails inside may have left memory ahead of the rows."""
        with self._busy:
            if self._is_stale:
                self._resume()
            try:
                yield self.broker
            except BaseException:
                self._is_stale = True
                raise
            finally:
                if not self._is_stale:
                    self._report(self.broker, self.booked_until_ms)

    def rest(self) -> None:
        """Return once nobody has the book; what is left of it is not read for that."""
        with self._busy:
            pass

    @contextmanager
    def at_once(self) -> Iterator[Broker | None]:
        """Read the book without waiting; None while it is not free, or not as the rows say.

        Nothing may be changed by it: nobody is told of what it holds then.
        """
        is_free = self._busy.acquire(blocking=False)
        try:
            yield self.broker if is_free and not self._is_stale else None
        except BaseException:
            self._is_stale = True
            raise
        finally:
            if is_free:
                self._busy.release()

    def _resume(self) -> None:
        """Throw away what is in memory and read the rows."""
        self._is_stale = False  # first: whoever asks for it again meanwhile is not forgotten
        try:
            self.broker, self.booked_until_ms, self.decided_ms = self._read()
            self._report(self.broker, self.booked_until_ms)
        except BaseException:
            self._is_stale = True
            raise
