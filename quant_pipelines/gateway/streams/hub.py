"""Hands rows to everybody who follows a stream: one poll of the database for all of its readers.

A reader that falls behind is let go with its place, from which it resumes; no row is left out for it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.errors import StoreError
from quant_pipelines.gateway.streams.login_looks import LoginLooks
from quant_pipelines.gateway.streams.topics import StreamMessage, StreamPlace, Topic, alerts_topic

POLL_SECONDS: Final = 0.1
_AWAY_SECONDS = 1.0
_MOST_KEPT = 4096
_log = logging.getLogger(__name__)


class TooSlow(Exception):
    """A reader did not take what came; it carries on from its place in a new connection."""


class Follower:
    """One reader of a stream.

    Parameters
    ----------
    backlog
        Messages that wait for it.
    """

    def __init__(self, backlog: int) -> None:
        self._queue: asyncio.Queue[StreamMessage] = asyncio.Queue(backlog)
        self.is_too_slow = False

    def put(self, message: StreamMessage) -> None:
        """Have a message wait for it; one too many lets it go."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.is_too_slow = True

    async def next(self, timeout_seconds: float) -> StreamMessage | None:
        """Take the next message; None where none came in that time.

        Raises
        ------
        TooSlow
            If more came than may wait.
        """
        if self.is_too_slow:
            raise TooSlow
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


class StreamChannel:
    """A stream that somebody follows, with the task that reads it."""

    def __init__(self, topic: Topic, engine: Engine) -> None:
        self.topic = topic
        self.is_away = False
        self.followers: set[Follower] = set()
        self._engine = engine
        self._place: StreamPlace | None = None
        self._handed: OrderedDict[str, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._joining = asyncio.Lock()

    async def join(self, follower: Follower) -> StreamPlace:
        """Hand it everything from now on; where that is."""
        async with self._joining:
            if self._place is None or self._task is None:
                self._place = await run_in_threadpool(self._begin)
            self.followers.add(follower)
            if self._task is None:
                self._task = asyncio.create_task(self._follow())
            return self._place

    def leave(self, follower: Follower) -> None:
        """Hand it nothing more; with nobody left the reading ends by itself, in the midst of no query."""
        self.followers.discard(follower)

    async def ended(self) -> None:
        """Wait until nobody is left and the reading has ended."""
        if self._task is not None:
            await self._task

    def _begin(self) -> StreamPlace:
        """Begin now: what was there before is not handed on, also where it is read again."""
        place = self.topic.place_of(self._engine, "")
        for message in self.topic.read(self._engine, place):
            if message.number <= place.numbers[message.track]:
                self._is_new(message, place)
        return place

    async def _follow(self) -> None:
        while self.followers:
            try:
                await self._poll()
                self.is_away = False
            except StoreError:
                self.is_away = True
            except Exception:  # noqa: BLE001 - who follows would wait for ever if the reading ended
                _log.exception("stream %s can't be read", self.topic.name)
                self.is_away = True
            await asyncio.sleep(_AWAY_SECONDS if self.is_away else POLL_SECONDS)
        self._task = None

    async def _poll(self) -> None:
        place = self._place
        if place is None:
            return
        for message in await run_in_threadpool(self.topic.read, self._engine, place):
            if self._is_new(message, place):
                self._place = (self._place or place).moved(message.track, message.number)
                for follower in tuple(self.followers):
                    follower.put(message)
                await asyncio.sleep(0)  # who keeps up takes it before the next one

    def _is_new(self, message: StreamMessage, place: StreamPlace) -> bool:
        """Whether it was not handed on before: rows that may be late are read again."""
        if not self.topic.may_be_late(message):
            return message.number > place.numbers[message.track]
        key = f"{message.track} {message.number} {message.data}"
        if key in self._handed:
            return False
        self._handed[key] = None
        if len(self._handed) > _MOST_KEPT:
            self._handed.popitem(last=False)
        return True


class Hub:
    """Streams that are followed now.

    Parameters
    ----------
    engine
        Product database.
    backlog
        Messages that may wait for a reader.
    """

    def __init__(self, engine: Engine, backlog: int) -> None:
        self._engine = engine
        self._backlog = backlog
        self._channels: dict[str, StreamChannel] = {}
        self.logins = LoginLooks()
        self.alerts = alerts_topic()  # one for all: what is waited for is known to it
        self.n_followers = 0

    async def close(self) -> None:
        """Hand nothing on any more, and wait for what is being read."""
        for channel in self._channels.values():
            channel.followers.clear()
            await channel.ended()

    def is_away(self, topic: Topic) -> bool:
        """Whether the database did not answer when a stream was read last."""
        channel = self._channels.get(topic.name)
        return channel is not None and channel.is_away

    async def follow(
        self, topic: Topic, place: StreamPlace | None, beat_seconds: float
    ) -> AsyncIterator[StreamMessage | None]:
        """Hand on every row after a place, then those that come; None where none came for a while.

        Parameters
        ----------
        topic
            Which stream.
        place
            Where the reader was; None begins now.
        beat_seconds
            How long it waits at most before it says that nothing came.

        Raises
        ------
        TooSlow
            If the reader takes less than comes.
        StoreError
            If the database does not answer while it begins.
        """
        channel = self._channels.setdefault(topic.name, StreamChannel(topic, self._engine))
        follower = Follower(self._backlog)
        self.n_followers += 1
        try:
            now = await channel.join(follower)
            reached = now if place is None else place
            async for message in self._missed(channel.topic, reached, now):
                reached = reached.moved(message.track, message.number)
                yield message
            while True:
                coming = await follower.next(beat_seconds)
                if coming is None or not self._is_known(channel.topic, coming, reached):
                    yield coming
        finally:
            self.n_followers -= 1
            channel.leave(follower)

    async def _missed(
        self, topic: Topic, place: StreamPlace, now: StreamPlace
    ) -> AsyncIterator[StreamMessage]:
        """Read what came between a place and now, page by page."""
        given: set[str] = set()
        while any(before < after for before, after in zip(place.numbers, now.numbers, strict=True)):
            page = await run_in_threadpool(topic.read, self._engine, place)
            fresh = [one for one in page if str(one) not in given and one.number <= now.numbers[one.track]]
            if not fresh:
                return
            for message in fresh:
                given.add(str(message))
                place = place.moved(message.track, message.number)
                yield message

    def _is_known(self, topic: Topic, message: StreamMessage, reached: StreamPlace) -> bool:
        """Whether a reader has a row already from what it had missed; late ones may come twice."""
        return message.number <= reached.numbers[message.track] and not topic.may_be_late(message)


def shown(message: StreamMessage, place: StreamPlace) -> dict[str, Any]:
    """StreamMessage as readers get it, with the sequence to resume from."""
    return {"seq": str(place), "kind": message.kind, "data": message.data}
