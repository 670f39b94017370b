"""What goes wrong with a stream's message: one row each; what it makes of the message arrives instead."""

import json
import random
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

Arrival: TypeAlias = tuple[float, bytes | None]
"""Seconds later than in order, and the message; None ends the connection."""


class Stream(Protocol):
    """What a fault may do to a stream."""

    chance: random.Random
    newest: bytes | None

    def mute(self, seconds: float) -> None:
        """Leave it open, and deliver nothing."""


class MessageFault(NamedTuple):
    """One fault: whether it meets the user's stream or the market's, and what arrives."""

    name: str
    is_private: bool
    act: Callable[[Stream, bytes], list[Arrival]]
    rate: tuple[float, float]


def _lost(stream: Stream, payload: bytes) -> list[Arrival]:
    return []


def _doubled(stream: Stream, payload: bytes) -> list[Arrival]:
    return [(0.0, payload), (stream.chance.uniform(0.0, 1.0), payload)]


def _late(stream: Stream, payload: bytes) -> list[Arrival]:
    longest = stream.chance.choice((1.0, 10.0, 120.0))
    return [(stream.chance.uniform(0.1, longest), payload)]


def _reordered(stream: Stream, payload: bytes) -> list[Arrival]:
    """Behind the next ones: a venue tells an order's parts within milliseconds."""
    return [(stream.chance.uniform(0.01, 0.1), payload)]


def _hung_up(stream: Stream, payload: bytes) -> list[Arrival]:
    return [(0.0, None)]


def _silent(stream: Stream, payload: bytes) -> list[Arrival]:
    stream.mute(stream.chance.uniform(5.0, 120.0))
    return []


def _expired(stream: Stream, payload: bytes) -> list[Arrival]:
    """Say that the key is over, and nothing ever after."""
    told = json.dumps({"e": "listenKeyExpired", "E": 1, "listenKey": "over"}).encode()
    stream.mute(3600.0)
    return [(0.0, told)]


def _frozen(stream: Stream, payload: bytes) -> list[Arrival]:
    """Say what was said before."""
    return [(0.0, stream.newest or payload)]


MESSAGE_FAULTS: tuple[MessageFault, ...] = (
    MessageFault("user_lost", True, _lost, (0.1, 0.5)),
    MessageFault("user_doubled", True, _doubled, (0.1, 0.5)),
    MessageFault("user_late", True, _late, (0.1, 0.5)),
    MessageFault("user_reordered", True, _reordered, (0.1, 0.5)),
    MessageFault("user_hung_up", True, _hung_up, (0.1, 0.5)),
    MessageFault("user_silent", True, _silent, (0.2, 0.8)),
    MessageFault("user_key_expired", True, _expired, (0.2, 0.8)),
    MessageFault("market_gap", False, _lost, (0.02, 0.5)),
    MessageFault("market_frozen", False, _frozen, (0.02, 0.5)),
    MessageFault("market_hung_up", False, _hung_up, (0.005, 0.03)),
    MessageFault("market_silent", False, _silent, (0.005, 0.03)),
)
