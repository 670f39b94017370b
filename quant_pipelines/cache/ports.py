"""The two ports and their values; no library of any server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from quant_pipelines.core.clock import Clock

TOPICS = ("market", "signals", "orders", "risk", "system")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of live state.

    Parameters
    ----------
    key
        Its name, as in `quant_pipelines.cache.keys`.
    value
        JSON document.
    at_ms
        When it was true by the writer's clock, milliseconds UTC.
    """

    key: str
    value: Mapping[str, Any]
    at_ms: int

    def age_seconds(self, now_ms: int) -> float:
        """Seconds from the value's time to ``now_ms``."""
        return (now_ms - self.at_ms) / 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    event_id
        Unique; ids of one publisher sort in the order of publication. A repeated delivery has the same id.
    topic
        One of `TOPICS`.
    kind
        What happened, such as ``bar_closed``.
    body
        JSON document.
    """

    event_id: str
    topic: str
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event, and the position after it, from which a reader goes on."""

    event: Event
    position: str


class EventIds:
    """Makes events of one publisher.

    Parameters
    ----------
    publisher
        Name that no other process uses, such as host and process id.
    clock
        Milliseconds UTC.
    """

    def __init__(self, publisher: str, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._numbers = count()
        self._last_ms = 0

    def event(self, topic: str, kind: str, body: Mapping[str, Any]) -> Event:
        """Event with the next id; ids go on upwards although the clock was set back."""
        self._last_ms = max(self._last_ms, self._clock())
        event_id = f"{self._last_ms:013d}-{next(self._numbers):010d}-{self._publisher}"
        return Event(event_id, topic, kind, body)


class LiveState(Protocol):
    """Latest values by key; the last write wins."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys.

        Raises
        ------
        StoreError
            If the server does not answer.
        """

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Values of those keys that have one.

        Raises
        ------
        StoreError
            If the server does not answer.
        """


class EventBus(Protocol):
    """Topics of events: kept for a while, read from a position, delivered at least once, in order."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Append events, each to its topic.

        Raises
        ------
        StoreError
            If the server does not answer; whether the events were stored is unknown then.
        """

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        """Events after a position, oldest first; ``""`` reads from the oldest that is kept.

        Raises
        ------
        StoreError
            If the server does not answer.
        """

    async def wait(self, topic: str, after: str, seconds: float) -> None:
        """Return when there may be something after the position, at the latest after ``seconds``.

        Raises
        ------
        StoreError
            If the server does not answer.
        """

    async def end(self, topic: str) -> str:
        """Position after the newest event.

        Raises
        ------
        StoreError
            If the server does not answer.
        """
