"""Live state and events behind two ports: Redis while it answers, memory and PostgreSQL while it does not."""

from quant_pipelines.cache.keys import (
    SERVICE_KEY,
    book_key,
    funding_key,
    hot_score_key,
    lock_key,
    position_key,
    rate_key,
    tick_key,
)
from quant_pipelines.cache.ports import (
    TOPICS,
    Delivered,
    Entry,
    Event,
    EventBus,
    EventIds,
    LiveState,
)
from quant_pipelines.cache.reading import follow
from quant_pipelines.cache.switching import Cache

__all__ = [
    "Cache",
    "LiveState",
    "EventBus",
    "Entry",
    "Event",
    "EventIds",
    "Delivered",
    "TOPICS",
    "follow",
    "SERVICE_KEY",
    "book_key",
    "funding_key",
    "hot_score_key",
    "lock_key",
    "position_key",
    "rate_key",
    "tick_key",
]
