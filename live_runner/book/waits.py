"""Decisions that could not be taken when their bar was booked: remembered, written down, and ended."""

from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.outages import follow_standing, wait_of


class Prevented(NamedTuple):
    """A decision that was due at a close, milliseconds UTC, and why it could not be taken, as one clause."""

    close_ms: int
    reason: str

    @property
    def sentence(self) -> str:
        """As a person reads it."""
        close = f"{from_ms(self.close_ms):%Y-%m-%d %H:%M:%S} UTC"
        return f"no decision on the bar that closed at {close}: {self.reason}"


class Waits:
    """The wait of one deployment: at most one row, from the first prevented close to the next decision.

    Parameters
    ----------
    engine
        Product database.
    key
        The deployment, as in alerts.

    Attributes
    ----------
    prevented
        The newest decision that was prevented and not taken since; None without one.
    """

    def __init__(self, engine: Engine, key: str) -> None:
        self._engine = engine
        self._key = key
        self._is_standing: bool | None = None  # an earlier life may have left a row
        self.prevented: Prevented | None = None

    def write(self, now_ms: int) -> None:
        """Bring the row in line with what is prevented now.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        prevented, scope = self.prevented, wait_of(self._key)
        if self._is_standing is (prevented is not None):
            return
        found = [] if prevented is None else [self._alert(prevented, scope)]
        follow_standing(self._engine, scope, found, from_ms(now_ms))
        self._is_standing = bool(found)

    def drop(self, now_ms: int) -> None:
        """Write down that the newest decision is not taken any more: a later bar has closed by now."""
        if self.prevented is not None:
            age = (now_ms - self.prevented.close_ms) / 1000
            message = f"{self.prevented.sentence}; dropped {age:.0f} s after its close, when it was too old"
            write_alert(self._engine, Alert("warning", self._key, message, from_ms(now_ms)))

    def _alert(self, prevented: Prevented, scope: str) -> Alert:
        return Alert("warning", scope, prevented.sentence, from_ms(prevented.close_ms))
