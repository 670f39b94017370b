"""What an earlier talk, or an earlier life, has left unsent or unknown of a book's orders."""

from live_runner.venue.place import Seat
from live_runner.venue.sender import LATEST_SEND_MS
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.purposes import TARGET

NEVER_SENT = "never sent: the runner or the venue was away"


async def settle_unsent(seat: Seat, now_ms: int, *, epoch: int, is_alone: bool) -> None:
    """Write down what was not sent, and what nobody knows of; an order that was decided just now may go yet.

    One that is not submitted was never sent, whoever has committed it; another writer's carries its epoch. A
    set's legs, and books that are netted, decide together: what of theirs is left behind is given up; so is
    what would go out within the pause around a funding slot.
    """
    instrument, pause = seat.trader.plan.deployment.instrument, seat.trader.pause
    may_go = is_alone and seat.trader.plan.deployment.set_id is None
    may_go &= not any(pause.until_ms(one) for one in (now_ms, now_ms + LATEST_SEND_MS))
    for order in await seat.rows.with_broker(lambda broker: list(broker.orders.values())):
        if order.progress.status == "INITIALIZED" and not (
            may_go and order.epoch == epoch and _may_go(order, now_ms, instrument)
        ):
            await seat.rows.follow(order, "DENIED", reason=NEVER_SENT)
        if order.progress.status == "SUBMITTED":
            await seat.rows.follow(order, "UNKNOWN")


async def unsent_of(seat: Seat) -> list[Intent]:
    """Orders that may go yet."""
    orders = await seat.rows.with_broker(lambda broker: broker.unsettled())
    unsent = (order.intent for order in orders if order.progress.status == "INITIALIZED")
    return [intent for intent in unsent if _is_kind(intent)]  # what is to rest is looked after by others


def _may_go(order: PlacedOrder, now_ms: int, instrument: Instrument | None) -> bool:
    """Whether an order at market is young enough, and one that the venue takes as it takes them now."""
    intent = order.intent
    is_young = now_ms - to_ms(order.stamp) <= LATEST_SEND_MS
    is_whole = instrument is not None and not intent.quantity % instrument.lot_size
    return _is_kind(intent) and is_young and is_whole


def _is_kind(intent: Intent) -> bool:
    return intent.purpose == TARGET and intent.order_type == "market"
