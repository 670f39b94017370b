"""Legs of an instrument set: what happens to one decides what the others may do. Values in, values out.

A set is worth trading as a whole only: with one leg gone, the rest is a position that nobody decided on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.trading.breaker import Breaker, Event, Trip

Loss: TypeAlias = Literal["liquidated", "deleveraged", "settled", "gapped", "refused", "denied"]
"""Why a leg does not hold what was decided, and nobody will give it that: the venue has closed it (as its
margin was short, for others, or with its contract), it was closed as no stop of it stood, the venue has
refused its order, or the runner itself did not send it."""
LegEvent: TypeAlias = (
    Literal["stops_entries", "halted", "frozen", "not_taken_up", "closes", "stopped_out"] | Loss
)
"""What happens to a leg."""
Effect: TypeAlias = Literal["none", "reduces", "waits", "flat_once", "flat", "closes"]
"""What the other legs do: nothing; no order that adds; no decision at all; they are closed, until the next
decision or until the leg's target takes another side; they are closed with it until a person resumes it."""


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
    LegRow("denied", "flat_once", "half of a set is not held, and the next decision may be sent"),
    LegRow("refused", "flat", "half of a set is not held, and what is refused once is refused again"),
    LegRow("gapped", "flat", "what the others were held against was closed where nobody has decided it"),
    LegRow("deleveraged", "flat", "the venue has taken of what the others were held against"),
    LegRow("settled", "flat", "what the others were held against has ended"),
    LegRow("liquidated", "flat", "what the others were held against is gone"),
    LegRow("closes", "closes", "what the others were held against goes"),
)
"""From what leaves the others alone to what closes them."""
EFFECTS: Final[dict[LegEvent, Effect]] = {row.event: row.effect for row in TABLE}
TRIPS: Final[dict[Effect, Event]] = {
    "reduces": "leg_stopped",
    "flat_once": "leg_lost",
    "flat": "leg_lost",
    "closes": "leg_gone",
}
"""Event that an effect is for the breakers of the others."""


_WORDS: Final[dict[Loss, str]] = {
    "liquidated": "it was liquidated",
    "deleveraged": "the venue has closed of it for others (ADL)",
    "settled": "the venue has settled it",
    "gapped": "it was closed, as no stop of it stood",
    "refused": "the venue has not filled its order",
    "denied": "its order was not sent",
}


class LegState(NamedTuple):
    """A leg as the others see it: its symbol, its own breaker, and why it does not hold what was decided.

    ``lost`` stands until its target takes another side, or, as the effect has it, until the next decision.
    """

    symbol: str
    breaker: Breaker
    lost: Loss | None = None


def event_of(leg: LegState) -> LegEvent | None:
    """Worst event that stands for a leg; None while it is traded without one.

    Examples
    --------
    >>> event_of(LegState("A", Breaker()))
    >>> event_of(LegState("A", Breaker((Trip("day_loss"),)))), event_of(LegState("A", Breaker(), "refused"))
    ('stops_entries', 'refused')
    """
    if leg.breaker.closes:
        return "closes"
    if leg.lost is not None:
        return leg.lost
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
    """Whether a leg is flat whatever its target says, since another one does not hold what it should.

    Examples
    --------
    >>> must_be_flat([LegState("A", Breaker())]), must_be_flat([LegState("A", Breaker(), "liquidated")])
    (False, True)
    """
    return any(leg.lost is not None for leg in others)


def lasts(lost: Loss, side_then: float, side: float) -> bool:
    """Whether a loss still stands once the leg's target is decided on anew; sides are -1, 0 or 1.

    Examples
    --------
    >>> lasts("refused", 1.0, 1.0), lasts("refused", 1.0, -1.0), lasts("denied", 1.0, 1.0)
    (True, False, False)
    """
    return EFFECTS[lost] == "flat" and side == side_then


def _why(leg: LegState, event: LegEvent) -> str:
    if leg.lost is not None and event == leg.lost:
        return _WORDS[leg.lost]
    reasons = [trip.reason or trip.event for trip in leg.breaker.trips]
    return leg.breaker.reason or (reasons[-1] if reasons else event)
