"""Both ports over Redis: strings that expire, and streams that are kept short."""

from collections.abc import Sequence
from typing import Any

import orjson

from quant_pipelines.cache.ports import Delivered, Entry, Event
from quant_pipelines.cache.redis_link import RedisLink

_EXPIRY_SECONDS = 86_400
_LATE_SECONDS = 4.0
"""How long after the end of a wait Redis may answer before it is taken to be away."""

# One step for Redis: either all events are appended, or Redis was restarted and none is.
_PUBLISH = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    return redis.error_reply('NOSESSION Redis was restarted')
end
for i = 2, #KEYS do
    local first = 2 + (i - 2) * 3
    redis.call('XADD', KEYS[i], 'MAXLEN', '~', ARGV[1], '*',
        'id', ARGV[first], 'kind', ARGV[first + 1], 'body', ARGV[first + 2])
end
return #KEYS - 1
"""


# One command for all values: packing hundreds of them costs the writer more than it costs Redis.
_WRITE = """
for i = 1, #KEYS do
    redis.call('SET', KEYS[i], ARGV[i + 1], 'EX', ARGV[1])
end
"""


class RedisState:
    """`LiveState` in strings ``[time, document]``; a value that nobody renews is gone after a day.

    Parameters
    ----------
    link
        Connection.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._write = link.client.register_script(_WRITE)

    async def write(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys, in one round trip."""
        if not entries:
            return
        values = [orjson.dumps([entry.at_ms, entry.value]) for entry in entries]
        async with self._link.errors():
            await self._write(keys=[entry.key for entry in entries], args=[_EXPIRY_SECONDS, *values])

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Values of those keys that have one."""
        if not keys:
            return {}
        async with self._link.errors():
            values = await self._link.client.mget(list(keys))
        found: dict[str, Entry] = {}
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                at_ms, document = orjson.loads(value)
                found[key] = Entry(key, document, at_ms)
        return found


class RedisBus:
    """`EventBus` in one stream for each topic, ``bus:<topic>``.

    Parameters
    ----------
    link
        Connection with a session.
    kept
        Events that each topic keeps, about.
    """

    def __init__(self, link: RedisLink, kept: int = 10_000) -> None:
        self._link = link
        self._kept = kept
        self._publish = link.client.register_script(_PUBLISH)

    async def publish(self, events: Sequence[Event]) -> None:
        """Append events, each to its topic, all of them or none."""
        if not events:
            return
        keys = [self._link.session_key, *(_stream(event.topic) for event in events)]
        arguments: list[Any] = [self._kept]
        for event in events:
            arguments += [event.event_id, event.kind, orjson.dumps(event.body)]
        async with self._link.errors():
            await self._publish(keys=keys, args=arguments)

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        """Events after a position, oldest first."""
        async with self._link.errors():
            answer: Any = await self._link.client.xread({_stream(topic): after or "0-0"}, count=limit)
        rows = answer[0][1] if answer else []
        return [_delivered(topic, position.decode(), fields) for position, fields in rows]

    async def wait(self, topic: str, after: str, seconds: float) -> None:
        """Return when there is something after the position, at the latest after ``seconds``."""
        block_ms = max(1, int(seconds * 1000))
        async with self._link.errors(seconds + _LATE_SECONDS):
            await self._link.client.xread({_stream(topic): after or "0-0"}, count=1, block=block_ms)

    async def end(self, topic: str) -> str:
        """Position after the newest event."""
        async with self._link.errors():
            newest: Any = await self._link.client.xrevrange(_stream(topic), count=1)
        return newest[0][0].decode() if newest else "0-0"


def _stream(topic: str) -> str:
    return f"bus:{topic}"


def _delivered(topic: str, position: str, fields: dict[bytes, bytes]) -> Delivered:
    event = Event(fields[b"id"].decode(), topic, fields[b"kind"].decode(), orjson.loads(fields[b"body"]))
    return Delivered(event, position)
