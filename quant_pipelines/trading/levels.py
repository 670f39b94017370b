"""Stops and take-profits of one position: what it needs, what protects it, and one step from here to there.

A venue takes one stop that closes the position for each side, and any number over a quantity. So a level
moves in steps, each of which leaves the position protected: one over the position's quantity is placed beside
the one that stands, then that goes, then the closing one is placed at the new level, then the first goes.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.core.orders import Side, closing_side
from quant_pipelines.trading.venue import VenueStop

LevelName: TypeAlias = Literal["stop", "take_profit"]


class WantedLevel(NamedTuple):
    """Level that a position needs: the side that closes it, the trigger in quote per base, and its name."""

    side: Side
    trigger_price: Decimal
    reason: str


class PlaceLevel(NamedTuple):
    """Place what closes the whole position; ``until`` is the deadline, seconds of the monotonic clock."""

    level: LevelName
    wanted: WantedLevel
    until: float


class MoveLevel(NamedTuple):
    """Begin to move: place one over ``quantity``, base, beside the one that stands."""

    level: LevelName
    wanted: WantedLevel
    quantity: Decimal
    until: float


class CancelLevel(NamedTuple):
    """Cancel one that is not needed any more, on the way to what is wanted."""

    level: LevelName
    wanted: WantedLevel | None
    stop: VenueStop
    until: float


Step: TypeAlias = PlaceLevel | MoveLevel | CancelLevel


def wanted_level(
    position: Decimal, price: float | None, tick_size: Decimal, reason: str
) -> WantedLevel | None:
    """Level for a position; its price is rounded to a tick toward the position's side of safety.

    Parameters
    ----------
    position
        Base, signed.
    price
        Quote per base; None without one.
    tick_size
        Price step.
    reason
        Which stop it is.

    Examples
    --------
    >>> wanted_level(Decimal(2), 89.41, Decimal("0.5"), "hard_stop")
    WantedLevel(side='sell', trigger_price=Decimal('89.5'), reason='hard_stop')
    """
    if not position or price is None:
        return None
    rounding = ROUND_CEILING if position > 0 else ROUND_FLOOR
    ticks = (Decimal(repr(float(price))) / tick_size).to_integral_value(rounding)
    return WantedLevel(closing_side(position), ticks * tick_size, reason)


def protects(standing: Sequence[VenueStop], position: Decimal) -> bool:
    """Whether one of those that stand closes the position, at whatever price; a flat one needs none."""
    side = closing_side(position)
    return not position or any(
        one.side == side and (one.closes_position or one.quantity >= abs(position)) for one in standing
    )


def next_step(
    level: LevelName,
    wanted: WantedLevel | None,
    standing: Sequence[VenueStop],
    *,
    position: Decimal,
    until: float,
) -> Step | None:
    """One step toward exactly the wanted level at the venue; None when it stands alone.

    A stop is left alone while a position is held that names no level.

    Parameters
    ----------
    level
        Which kind of level it is.
    wanted
        What should stand; None for nothing.
    standing
        What of that kind stands.
    position
        What is held, base, signed.
    until
        Deadline of the step, seconds of the monotonic clock.
    """
    if wanted is None:
        is_idle = not position or level == "take_profit"
        return CancelLevel(level, None, standing[0], until) if standing and is_idle else None
    right = next((one for one in standing if _is_it(one, wanted)), None)
    others = [one for one in standing if one is not right]
    if right is not None:
        return CancelLevel(level, wanted, others[0], until) if others else None
    twin = next((one for one in others if one.closes_position and one.side == wanted.side), None)
    if twin is None:
        return PlaceLevel(level, wanted, until)
    if protects([one for one in others if one is not twin], position):
        return CancelLevel(level, wanted, twin, until)
    return MoveLevel(level, wanted, abs(position), until)


def _is_it(stop: VenueStop, wanted: WantedLevel) -> bool:
    return stop.closes_position and (stop.side, stop.trigger_price) == wanted[:2]
