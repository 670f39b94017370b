"""Runners that confuse the stops of a strategy with other orders."""

from dataclasses import replace
from typing import Any

from live_runner.venue.resting import RestingOrders
from quant_pipelines.trading.venue import StopOrder, VenueOrder
from tests.faults.mutations.changed import Block, changed


def cancels_as_orders() -> Block:
    """A stop is asked for among the orders of the book, where it is not."""

    def change(cancel: Any) -> Any:
        async def broken(self: RestingOrders, name: str, *, is_stop: bool) -> None:
            await cancel(self, name, is_stop=False)

        return broken

    return changed((RestingOrders, "_cancel_there", change))


def opens_what_only_reduces() -> Block:
    """A stop that closes is sent as one that may open."""

    def change(placed: Any) -> Any:
        async def broken(self: RestingOrders, stop: StopOrder) -> VenueOrder:
            sent: VenueOrder = await placed(self, replace(stop, reduce_only=False))
            return sent

        return broken

    return changed((RestingOrders, "_placed", change))
