"""Tells by alerts what the chat itself can't: strangers who command, and a Bot API that does not serve."""

import logging
from datetime import timedelta
from typing import Final, Protocol

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert, alerted_since
from quant_pipelines.store.outages import follow_standing

_STRANGER: Final = "telegram:stranger"
_SERVICE: Final = "telegram:service"
_ONCE_IN: Final = timedelta(hours=24)
_MOST_STRANGERS: Final = 20

_log = logging.getLogger(__name__)


class Bell(Protocol):
    """Whoever wakes people."""

    def stranger(self, sender: int) -> None:
        """Say that an account that is not listed has written."""
        ...

    def trouble(self, sentence: str) -> None:
        """Say that commands do not arrive, and why; empty: they do."""
        ...


class AlertBell:
    """Writes alerts; a database that is away is logged, and keeps nobody from commanding.

    Parameters
    ----------
    engine
        Product database.
    clock
        This machine's time.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._strangers: set[int] = set()
        self._standing: str | None = None

    def stranger(self, sender: int) -> None:
        """Say it once of an account, and of twenty at most, so that nobody can drown the alerts."""
        if sender in self._strangers or len(self._strangers) >= _MOST_STRANGERS:
            return
        self._strangers.add(sender)
        _log.warning("account %s wrote to the bot and is not listed; nothing was done", sender)
        now = clock_time(self._clock)
        message = (
            f"Telegram account {sender} wrote to the bot and is not listed in telegram.operators; "
            "nothing was done"
        )
        source = f"{_STRANGER}:{sender}"
        try:
            with transaction(self._engine) as connection:
                if not alerted_since(connection, source, now - _ONCE_IN):
                    add_alert(connection, Alert("warning", source, message, now))
        except StoreError as error:
            self._strangers.discard(sender)
            _log.warning("the database does not answer: %s", error)

    def trouble(self, sentence: str) -> None:
        """Say it by an alert that stands until it is over."""
        if sentence == self._standing:
            return
        now = clock_time(self._clock)
        found = [Alert("warning", _SERVICE, sentence, now)] if sentence else []
        try:
            follow_standing(self._engine, _SERVICE, found, now)
        except StoreError as error:
            _log.warning("the database does not answer: %s", error)
        else:
            self._standing = sentence
