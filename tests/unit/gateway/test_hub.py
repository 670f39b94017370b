"""Hands on what a stream reads, also after a row that nobody foresaw."""

import asyncio
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.gateway.streams.hub import Hub
from quant_pipelines.gateway.streams.topics import StreamMessage, StreamPlace


class Faulty:
    """Stream whose second reading breaks."""

    name = "faulty"

    def __init__(self) -> None:
        self.n_reads = 0

    def place_of(self, engine: Engine, since: str) -> StreamPlace:
        return StreamPlace((0,))

    def may_be_late(self, message: StreamMessage) -> bool:
        return False

    def read(self, engine: Engine, place: StreamPlace) -> list[StreamMessage]:
        self.n_reads += 1
        if self.n_reads == 2:
            raise ValueError("a row that nobody foresaw")
        return [StreamMessage(0, place.numbers[0] + 1, "row", {})] if self.n_reads > 2 else []


def test_a_reading_that_breaks_is_tried_again_and_told_as_one_that_is_away() -> None:
    async def follow() -> tuple[bool, list[Any]]:
        nothing: Any = None  # this stream reads no database
        topic: Any = Faulty()
        hub = Hub(nothing, backlog=4)
        following = hub.follow(topic, None, 0.3)
        found = [await anext(following)]
        was_away = hub.is_away(topic)
        while found[-1] is None and len(found) < 20:
            found.append(await anext(following))
        await following.aclose()  # type: ignore[attr-defined]
        await hub.close()
        return was_away, found

    was_away, found = asyncio.run(follow())
    assert was_away
    assert found[-1] is not None
    assert found[-1].number == 1
