"""The streams there are: each is read by one or more tracks, whose numbers make its sequence."""

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Engine

from quant_pipelines.core.errors import UnknownRow, unknown_name
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.streams.fence import Fence
from quant_pipelines.store import stream_rows
from quant_pipelines.store.audit import plain
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_universe, read_whitelist
from quant_pipelines.store.stream_rows import NumberedRow

_FENCED = 50
_LATE_US = 5_000_000
_LATE_LEG_MS = 60_000
"""Legs book the same close one after another."""


class StreamPlace(NamedTuple):
    """Where a reader of a stream is: the newest number of each track."""

    numbers: tuple[int, ...]

    def __str__(self) -> str:
        """Sequence as readers send it back."""
        return "-".join(map(str, self.numbers))

    def moved(self, track: int, number: int) -> "StreamPlace":
        """StreamPlace after a message."""
        numbers = list(self.numbers)
        numbers[track] = max(numbers[track], number)
        return StreamPlace(tuple(numbers))


class StreamMessage(NamedTuple):
    """A row of a track."""

    track: int
    number: int
    kind: str
    data: dict[str, Any]


class Track(Protocol):
    """Rows in the order of a number.

    Parameters
    ----------
    kind
        What a row is.
    late
        How far below a place rows may still be committed; those are read again, and may come twice.
    """

    kind: str
    late: int

    @abstractmethod
    def newest(self, connection: Connection) -> int:
        """Newest number now."""

    @abstractmethod
    def read(self, connection: Connection, after: int) -> list[NumberedRow]:
        """Rows above a number, in order, as many as come in one page."""


class AlertTrack:
    """Alerts by their ids; one that may still be committed holds up those after it."""

    kind = "alert"
    late = 0

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._fence: Fence | None = None
        self._lock = Lock()

    def newest(self, connection: Connection) -> int:
        """Id up to which every alert is there."""
        with self._lock:
            if self._fence is None:
                self._fence = Fence(max(0, stream_rows.newest_alert_id(connection) - _FENCED))
            seen = stream_rows.alert_ids_after(connection, self._fence.up_to)
            return self._fence.advance(seen, self._seconds())

    def read(self, connection: Connection, after: int) -> list[NumberedRow]:
        """Read alerts above an id."""
        return stream_rows.alerts_after(connection, after, self.newest(connection))


class BarTrack:
    """Closed minutes of a symbol by the time at which they opened, ms."""

    kind = "bar"
    late = 0

    def __init__(self, exchange: str, symbol: str) -> None:
        self._of = (exchange, symbol)

    def newest(self, connection: Connection) -> int:
        """Newest minute that is stored."""
        return stream_rows.newest_bar(connection, *self._of)

    def read(self, connection: Connection, after: int) -> list[NumberedRow]:
        """Read minutes after a time."""
        return stream_rows.bars_after(connection, *self._of, after)


class BookTrack:
    """What deployments booked at each bar, by its close, ms; of several, each in its own time."""

    kind = "book"

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids
        self.late = _LATE_LEG_MS if len(ids) > 1 else 0

    def newest(self, connection: Connection) -> int:
        """Newest close that was booked."""
        return stream_rows.newest_book(connection, self._ids)

    def read(self, connection: Connection, after: int) -> list[NumberedRow]:
        """Read closes after a time."""
        return stream_rows.books_after(connection, self._ids, after)


class FillTrack:
    """Fills of deployments by when they were booked, microseconds; a commit may be late."""

    kind = "fill"
    late = _LATE_US

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def newest(self, connection: Connection) -> int:
        """When the newest one was booked."""
        return stream_rows.newest_fill(connection, self._ids)

    def read(self, connection: Connection, after: int) -> list[NumberedRow]:
        """Read fills that were booked after a time."""
        return stream_rows.fills_after(connection, self._ids, after)


class Topic:
    """A stream: its name and its tracks.

    Parameters
    ----------
    name
        Such as ``alerts`` or ``strategy/3``.
    tracks
        What it is read by.
    """

    def __init__(self, name: str, tracks: Sequence[Track]) -> None:
        self.name = name
        self._tracks = tuple(tracks)

    def place_of(self, engine: Engine, since: str) -> StreamPlace:
        """StreamPlace that a reader names; now where it names none.

        Raises
        ------
        Refused
            If it is no sequence of this stream.
        """
        if not since:
            with transaction(engine) as connection:
                return StreamPlace(tuple(track.newest(connection) for track in self._tracks))
        parts = since.split("-")
        is_one = len(parts) == len(self._tracks) and all(
            part.isascii() and part.isdigit() and len(part) <= 18 for part in parts
        )
        if not is_one:
            raise Refused(422, f"since {since!r:.60} is no sequence of {self.name}; expected a `seq` of it")
        return StreamPlace(tuple(map(int, parts)))

    def read(self, engine: Engine, place: StreamPlace) -> list[StreamMessage]:
        """Rows after a place, in the order of their tracks; the same again where commits may be late."""
        found = []
        with transaction(engine) as connection:
            for at, (track, number) in enumerate(zip(self._tracks, place.numbers, strict=True)):
                rows = _rows_of(track, connection, number)
                found += [StreamMessage(at, one.number, track.kind, plain_row(one.row)) for one in rows]
        return found

    def may_be_late(self, message: StreamMessage) -> bool:
        """Whether rows of its track may be committed after others with a higher number."""
        return self._tracks[message.track].late > 0


def _rows_of(track: Track, connection: Connection, number: int) -> list[NumberedRow]:
    """Rows after a number: a page, and more where all of it may only be late ones that are known already."""
    page = track.read(connection, max(0, number - track.late))
    found = list(page)
    while len(page) >= stream_rows.PAGE and page[-1].number <= number:
        page = track.read(connection, page[-1].number)
        found += page
    return found


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """JSON values of a row; a number that JSON can't hold is null."""
    return {name: plain(None if value != value else value) for name, value in row.items()}  # noqa: PLR0124 - NaN


def alerts_topic() -> Topic:
    """Alerts of the whole stack."""
    return Topic("alerts", [AlertTrack()])


def market_topic(engine: Engine, exchange: str, symbol: str) -> Topic:
    """Make the stream of a symbol's closed minutes.

    Raises
    ------
    UnknownRow
        If nobody collects it.
    """
    known = {*read_universe(engine, exchange), *read_whitelist(engine, exchange)}
    if symbol not in known:
        raise UnknownRow(unknown_name("symbol of the universe", symbol, known))
    return Topic(f"market/{symbol}", [BarTrack(exchange, symbol)])


def strategy_topic(engine: Engine, deployment_id: int) -> Topic:
    """Books and fills of a deployment, and of its legs.

    Raises
    ------
    UnknownRow
        If there is no such deployment.
    """
    with transaction(engine) as connection:
        ids = stream_rows.with_legs(connection, deployment_id)
    if not ids:
        raise UnknownRow(f"deployment:{deployment_id} does not exist; expected the id of a deployment")
    return Topic(f"strategy/{deployment_id}", [BookTrack(ids), FillTrack(ids)])
