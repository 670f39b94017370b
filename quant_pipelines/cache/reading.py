"""Reads a topic for ever, each event once."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator

from quant_pipelines.cache.ports import Delivered, EventBus
from quant_pipelines.core.errors import StoreError

_REMEMBERED = 10_000
_WAIT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class DeliveredIds:
    """Ids of the events that were delivered last; repeated deliveries are recognized by it."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._remembered = remembered

    def add(self, event_id: str) -> bool:
        """Whether this id is new."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._remembered:
            self._ids.popitem(last=False)
        return True


async def follow(bus: EventBus, topic: str, after: str) -> AsyncIterator[Delivered]:
    """Yield the events after a position, for ever; servers that are away are waited for.

    Parameters
    ----------
    bus
        Where to read.
    topic
        One of `quant_pipelines.cache.TOPICS`.
    after
        Position of the last event that was handled; ``""`` begins with the oldest that is kept. After a
        stored position an event may come again: its id is the same.
    """
    seen, position, is_away = DeliveredIds(), after, False
    while True:
        try:
            batch = await bus.read(topic, position)
            if not batch:
                await bus.wait(topic, position, _WAIT_SECONDS)
            is_away = False
        except StoreError as error:
            if not is_away:
                _log.warning("events can't be read; waiting (%s: %s)", topic, error)
            is_away = True
            await asyncio.sleep(_WAIT_SECONDS)
            continue
        for delivered in batch:
            position = delivered.position
            if seen.add(delivered.event.event_id):
                yield delivered
