"""Legs of an instrument set: what happens to one decides what the others may do. Values in, values out.

A set is worth trading as a whole only: with one leg gone, the rest is a position that nobody decided on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.trading.breaker import Breaker, Event, Trip

LegEvent: TypeAlias = Literal[
    "stops_entries", "halted", "frozen", "not_taken_up", "closes", "liquidated", "stopped_out"
]
"""What happens to a leg."""
Effect: TypeAlias = Literal["none", "reduces", "waits", "flat", "closes"]
"""What the other legs do: nothing; no order that adds; no decision at all; they are flat until the leg's
target takes another side; they are closed with it until a person lets it go on."""


@dataclass(frozen=True, slots=True)
class LegRow:
    """One row of the table: what happens to a leg, what the others do, and why."""

    event: LegEvent
    effect: Effect
    reason: str


TABLE: Final = (
    LegRow("stopped_out", "none", "a stop belongs to the strategy, which decides on the others"),
    LegRow("stops_entries", "reduces", "half of a set is not opened"),
    LegRow("frozen", "reduces", "its target is not followed, so that of the others is not either"),
    LegRow("halted", "reduces", "its target is not followed, so that of the others is not either"),
    LegRow("not_taken_up", "waits", "the strategy can't be asked without its bars"),
    LegRow("liquidated", "flat", "what the others were held against is gone"),
    LegRow("closes", "closes", "what the others were held against goes"),
)
"""From what leaves the others alone to what closes them."""
EFFECTS: Final[dict[LegEvent, Effect]] = {row.event: row.effect for row in TABLE}
TRIPS: Final[dict[Effect, Event]] = {"reduces": "leg_stopped", "closes": "leg_gone"}
"""Event that an effect is for the breakers of the others."""


class LegState(NamedTuple):
    """A leg as the others see it: its symbol, its own breaker, and whether it was liquidated.

    ``is_gone``: it was liquidated, and its target has not taken another side since.
    """

    symbol: str
    breaker: Breaker
    is_gone: bool = False


def event_of(leg: LegState) -> LegEvent | None:
    """Worst event that stands for a leg; None while it is traded without one.

    Examples
    --------
    >>> event_of(LegState("A", Breaker()))
    >>> event_of(LegState("A", Breaker((Trip("day_loss"),)))), event_of(LegState("A", Breaker(), True))
    ('stops_entries', 'liquidated')
    """
    if leg.breaker.closes:
        return "closes"
    if leg.is_gone:
        return "liquidated"
    states: dict[str, LegEvent] = {"HALTED": "halted", "FROZEN": "frozen", "REDUCING": "stops_entries"}
    return states.get(leg.breaker.state)


def trips_by(others: Iterable[LegState]) -> tuple[Trip, ...]:
    """Events for the breaker of one leg that the others are the cause of; of each kind one.

    Examples
    --------
    >>> [trip] = trips_by([LegState("ETH/USDT:USDT", Breaker((Trip("delisting", "it is delisted"),)))])
    >>> trip.event, trip.reason
    ('leg_gone', 'leg ETH/USDT:USDT: it is delisted')
    """
    found: dict[Event, Trip] = {}
    for leg in others:
        event = event_of(leg)
        if event is not None and (effect := EFFECTS[event]) in TRIPS:
            found[TRIPS[effect]] = Trip(TRIPS[effect], f"leg {leg.symbol}: {_why(leg, event)}")
    return tuple(found.values())


def must_be_flat(others: Iterable[LegState]) -> bool:
    """Whether a leg is flat whatever its target says, since another one was liquidated.

    Examples
    --------
    >>> must_be_flat([LegState("A", Breaker())]), must_be_flat([LegState("A", Breaker(), is_gone=True)])
    (False, True)
    """
    return any(EFFECTS.get(event_of(leg) or "stopped_out") == "flat" for leg in others)


def _why(leg: LegState, event: LegEvent) -> str:
    reasons = [trip.reason or trip.event for trip in leg.breaker.trips]
    return leg.breaker.reason or (reasons[-1] if reasons else event)
