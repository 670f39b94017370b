"""Orders that an event strategy lets rest at a venue: what is to be done next about them, as a pure function.

Whoever talks to the venue reads what is wished and what has become of it, asks `next_step`, does it and
commits it, until it has to wait; it decides nothing.

=====================================================  ====================================================
what is so of an order, the first that applies         what is done
=====================================================  ====================================================
its outcome or one of its fills is not known yet       wait; a cancel that came to nothing is asked for again
it rests, and nobody wishes it any more                cancel it: the strategy took it back, its time is
                                                       over, it opens and nothing may be opened, or it only
                                                       reduces and there is nothing to reduce
it was not sent, and nobody wishes it any more, or     drop it
its decision is too old
it was not sent, and another order is not known yet    wait: what is canceled may still be filled
it was not sent, and no longer fits                    drop it
it was not sent                                        place it
anything else                                          wait
=====================================================  ====================================================

Cancels come before everything that is sent, and what is sent goes in the order in which it was wished. An
order fits if what is held, what may still open on its side and the order itself are no more than was approved
when it was decided. Times are the venue's, milliseconds UTC; quantities base.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.core.orders import OrderStatus, Side

Unwished: TypeAlias = Literal[
    "the strategy took it back",
    "its time is over",
    "nothing may be opened",
    "there is nothing to reduce",
]
DropReason: TypeAlias = Unwished | Literal["its decision is too old", "it no longer fits"]
WaitReason: TypeAlias = Literal["not known", "rests"]
RESTS: tuple[OrderStatus, ...] = ("ACCEPTED", "PARTIALLY_FILLED")
"""Statuses in which an order rests at the venue."""

_ASKS_AGAIN_MS = 2_000


class WishedOrder(NamedTuple):
    """Order that has not ended, or whose fills are not all booked.

    Parameters
    ----------
    name
        Client order id.
    side, leaves
        What is left of it, base, unsigned.
    status
        As stored.
    is_booked
        Whether all is booked that the venue says was filled.
    is_wished
        Whether the strategy still wants it.
    reduce_only
        Whether it can only bring the position nearer to flat.
    expires_ms
        From when on it may not be filled; None is never.
    most
        Position on its side, unsigned, with all that was approved to open when it was decided; None where
        that is not known: of an order that was sent.
    send_by_ms
        Until when it may be sent.
    is_conditional
        Whether the venue keeps it outside its book until its trigger is touched.
    """

    name: str
    side: Side
    leaves: Decimal
    status: OrderStatus
    is_booked: bool = True
    is_wished: bool = True
    reduce_only: bool = False
    expires_ms: int | None = None
    most: Decimal | None = None
    send_by_ms: int = 0
    is_conditional: bool = False


class Circumstances(NamedTuple):
    """Position, base, signed; whether anything may be opened; and the venue's time."""

    position: Decimal
    may_open: bool
    now_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be done before something comes."""

    reason: WaitReason


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send an order."""

    name: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an order that rests."""

    name: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Never send an order."""

    name: str
    reason: DropReason


Step: TypeAlias = Wait | PlaceOrder | Cancel | Drop


def next_step(orders: Sequence[WishedOrder], around: Circumstances, canceled_ms: Mapping[str, int]) -> Step:
    """Decide what is to be done next.

    Parameters
    ----------
    orders
        In the order in which they were wished.
    around
        What counts besides.
    canceled_ms
        When cancels were asked for last, by name.

    Examples
    --------
    >>> resting = WishedOrder("a", "buy", Decimal(2), "ACCEPTED")
    >>> next_step([resting], Circumstances(Decimal(0), may_open=True, now_ms=0), {})
    Wait(reason='rests')
    >>> next_step([resting], Circumstances(Decimal(0), may_open=False, now_ms=0), {})
    Cancel(name='a')
    """
    for order in orders:
        if _is_to_be_canceled(order, around, canceled_ms):
            return Cancel(order.name)
    is_known = all(order.status == "INITIALIZED" or _is_known(order) for order in orders)
    unsent = next((order for order in orders if order.status == "INITIALIZED"), None)
    if unsent is None:
        return Wait("rests" if is_known else "not known")
    reason: DropReason | None = unwished(unsent, around)
    if reason is None and around.now_ms > unsent.send_by_ms:
        reason = "its decision is too old"
    if reason is None and not is_known:
        return Wait("not known")
    if reason is None and not _fits(unsent, orders, around.position):
        reason = "it no longer fits"
    return PlaceOrder(unsent.name) if reason is None else Drop(unsent.name, reason)


def unwished(order: WishedOrder, around: Circumstances) -> Unwished | None:
    """Why nobody wishes an order any more; None while somebody does."""
    if not order.is_wished:
        return "the strategy took it back"
    if order.expires_ms is not None and around.now_ms >= order.expires_ms:
        return "its time is over"
    if order.reduce_only:
        return None if _signed(order.side, around.position) < 0 else "there is nothing to reduce"
    return None if around.may_open else "nothing may be opened"


def _is_to_be_canceled(order: WishedOrder, around: Circumstances, canceled_ms: Mapping[str, int]) -> bool:
    if order.status == "PENDING_CANCEL":
        return around.now_ms >= canceled_ms.get(order.name, -_ASKS_AGAIN_MS) + _ASKS_AGAIN_MS
    return order.status in RESTS and unwished(order, around) is not None


def _is_known(order: WishedOrder) -> bool:
    return order.status in RESTS and order.is_booked


def _fits(unsent: WishedOrder, orders: Sequence[WishedOrder], position: Decimal) -> bool:
    """Whether an order still opens no more than was approved."""
    if unsent.reduce_only:
        return True
    others = (one for one in orders if one.side == unsent.side and not one.reduce_only)
    resting = sum((one.leaves for one in others if one.status != "INITIALIZED"), Decimal(0))
    worst = _signed(unsent.side, position) + resting + unsent.leaves
    return unsent.most is not None and worst <= unsent.most


def _signed(side: Side, position: Decimal) -> Decimal:
    """Position as seen from a side: positive is what that side adds to."""
    return position if side == "buy" else -position
