"""What an earlier talk, or an earlier life, has left unsent or unknown of a book's orders."""

from live_runner.book.plan import DeploymentPlan
from live_runner.venue.place import Seat
from live_runner.venue.sender import LATEST_SEND_MS
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.purposes import TARGET

NEVER_SENT = "never sent: the runner or the venue was away"


async def settle_unsent(seat: Seat, now_ms: int, *, epoch: int, is_alone: bool) -> list[Intent]:
    """Write down what was not sent, and what nobody knows of; returns orders of just now that may go yet.

    One that is not submitted was never sent, whoever has committed it; another writer's carries its epoch. A
    set's legs, and books that are netted, decide together: what of theirs is left behind is given up; so is
    what would go out within the pause around a funding slot, and what a book decided that leaves its stage.
    """
    trader, left = seat.trader, list[Intent]()
    may_go = is_alone and trader.plan.deployment.set_id is None and not trader.is_leaving
    may_go &= not trader.pause.meets(now_ms, now_ms + LATEST_SEND_MS)
    for order in await seat.rows.with_broker(lambda broker: list(broker.orders.values())):
        if order.progress.status == "SUBMITTED":
            await seat.rows.follow(order, "UNKNOWN")
        if order.progress.status != "INITIALIZED":
            continue
        if may_go and order.epoch == epoch and _may_go(order, now_ms, trader.plan):
            left.append(order.intent)
        else:
            await seat.rows.follow(order, "DENIED", reason=NEVER_SENT)
    return left


def _may_go(order: PlacedOrder, now_ms: int, plan: DeploymentPlan) -> bool:
    """Whether an order at market is young enough, and one that the venue takes as it takes them now.

    It is too old once the bar behind the one that it was decided on has closed, too.
    """
    intent, instrument = order.intent, plan.deployment.instrument
    is_young = now_ms - to_ms(order.stamp) <= LATEST_SEND_MS
    is_young &= now_ms - to_ms(intent.bar_close) < plan.execution_step_ms
    is_whole = instrument is not None and not intent.quantity % instrument.lot_size
    is_kind = intent.purpose == TARGET and intent.order_type == "market"  # others look after what rests
    return is_kind and is_young and is_whole
