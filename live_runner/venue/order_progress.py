"""What was seen of an order at a venue, beside what is known of it: values in, values out."""

from dataclasses import replace

from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder
from quant_pipelines.trading.orders import FINAL, OrderProgress, advanced


def came_to_nothing(progress: OrderProgress) -> bool:
    """Whether an order has ended without a fill."""
    return progress.status in FINAL and not progress.filled_quantity


def gone_on(known: PlacedOrder, step: OrderStep) -> OrderStep | None:
    """Return what is to be committed of what was seen of an order; None if that tells nothing new."""
    gets_number = known.venue_order_id is None and bool(step.venue_order_id)
    progress = advanced(known.progress, step.progress, gets_number=gets_number)
    if progress is None:
        is_named = step.venue_order_id in (None, known.venue_order_id)
        if is_named or step.progress.status != known.progress.status:
            return None
        progress = known.progress  # a stop that had triggered tells the number of its order now
    return replace(step, progress=progress, venue_order_id=step.venue_order_id or known.venue_order_id)
