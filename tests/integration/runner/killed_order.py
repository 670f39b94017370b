"""A runner in a process of its own that dies by SIGKILL around one request to the venue.

Arguments: database URL, address of the venue, point: ``before`` or ``after`` an order or a stop was sent.
"""

import asyncio
import os
import signal
import sys

from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.engine import connect
from quant_pipelines.trading.venue import MarketOrder, StopOrder, VenueOrder
from tests.integration.runner.skipped_time import SkippedTime
from tests.integration.runner.venue_world import Venue, runner, settings_of


class Dying(CcxtOrders):
    """Dies at its point."""

    point = ""

    async def send(self, order: MarketOrder) -> VenueOrder:
        self._die_at("before order")
        sent = await super().send(order)
        self._die_at("after order")
        return sent

    async def place_stop(self, stop: StopOrder) -> None:
        self._die_at("before stop")
        await super().place_stop(stop)
        self._die_at("after stop")

    def _die_at(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


async def _run(database_url: str, address: str) -> None:
    venue = Venue(address, SkippedTime())
    async with runner(connect(database_url), database_url, venue, Dying) as running:
        await running


if __name__ == "__main__":
    Dying.point = sys.argv[3]
    assert settings_of(sys.argv[2]).exchange.base_url
    asyncio.run(_run(sys.argv[1], sys.argv[2]))
