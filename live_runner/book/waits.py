"""Decisions that could not be taken when their bar was booked: remembered, written down, and ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from quant_pipelines.core.errors import StrategyError, StrategyMissed
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.outages import wait_of

STOPS_FIRST = "the book's stops, which wait for no answer, went first"


class Prevented(NamedTuple):
    """A decision that was due at a close, milliseconds UTC, and why it could not be taken, as one clause.

    ``is_planned``: it waits for the end of a funding slot's pause, or for the answer to a question that was
    asked once the bar was booked; nobody is told of that.
    """

    close_ms: int
    reason: str
    is_planned: bool = False

    @property
    def sentence(self) -> str:
        """As a person reads it."""
        close = f"{from_ms(self.close_ms):%Y-%m-%d %H:%M:%S} UTC"
        return f"no decision on the bar that closed at {close}: {self.reason}"


class BarMissed(Exception):
    """A strategy did not answer: what it did meanwhile is thrown away, and the bar is booked without it."""


class Waits:
    """The wait of one deployment: at most one row, from the first prevented close to the next decision.

    Parameters
    ----------
    journal
        Rows of the runner.
    key
        The deployment, as in alerts.

    Attributes
    ----------
    prevented
        The newest decision that was prevented and not taken since; None without one.
    missed
        The newest decision that a strategy did not answer; that close is not asked about again.
    """

    def __init__(self, journal: Journal, key: str) -> None:
        self._journal = journal
        self._key = key
        self._is_standing: bool | None = None  # an earlier life may have left a row
        self.prevented: Prevented | None = None
        self.missed = Prevented(0, "")

    @contextmanager
    def asking(self, close_ms: int, *, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Ask the strategy about a close; a failure counts while an answer is wanted.

        Raises
        ------
        BarMissed
            If it does not answer and may be asked again at the next close, or nobody wants to know any more.
        """
        try:
            yield
        except StrategyError as error:
            if not is_wanted():
                raise BarMissed from error
            if not isinstance(error.__cause__, StrategyMissed):
                raise
            self.missed = Prevented(close_ms, str(error.__cause__))
            raise BarMissed from error

    def prevented_at(self, close_ms: int) -> Prevented | None:
        """Return the decision that was prevented at a close; None if it was taken, or another one."""
        prevented = self.prevented
        return prevented if prevented is not None and prevented.close_ms == close_ms else None

    def put_off(self, close_ms: int) -> None:
        """Note that a bar was booked before its strategy was asked."""
        self.prevented = Prevented(close_ms, STOPS_FIRST, is_planned=True)

    def has_missed(self, close_ms: int, now_ms: int) -> bool:
        """Whether a decision that was put off is not asked about again; people are told why.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        if not self.missed_at(close_ms):
            return False
        self.prevented = self.missed
        self.write(now_ms)
        return True

    def missed_at(self, close_ms: int) -> str:
        """Why a close is not asked about again; empty where it may be."""
        return self.missed.reason if self.missed.close_ms == close_ms else ""

    def write(self, now_ms: int) -> None:
        """Bring the row in line with what is prevented now.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        prevented, scope = self.prevented, wait_of(self._key)
        if prevented is not None and prevented.is_planned:
            prevented = None
        if self._is_standing is (prevented is not None):
            return
        found = [] if prevented is None else [self._alert(prevented, scope)]
        self._journal.follow_standing(scope, found, from_ms(now_ms))
        self._is_standing = bool(found)

    def drop(self, now_ms: int) -> None:
        """Write down that the newest decision is not taken any more: a later bar has closed by now."""
        if self.prevented is not None:
            age = (now_ms - self.prevented.close_ms) / 1000
            message = f"{self.prevented.sentence}; dropped {age:.0f} s after its close, when it was too old"
            self._journal.write_alert(Alert("warning", self._key, message, from_ms(now_ms)))

    def _alert(self, prevented: Prevented, scope: str) -> Alert:
        return Alert("warning", scope, prevented.sentence, from_ms(prevented.close_ms))


def too_old(age_ms: int, step_ms: int) -> str:
    """Why a bar that closed so long ago is not decided on any more; empty until the next one closes."""
    is_fresh = age_ms < step_ms
    return "" if is_fresh else f"it was booked {age_ms / 1000:.0f} s after its close, behind a later one's"
