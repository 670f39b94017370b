"""Runners that take up wrongly what an earlier life left behind."""

from typing import Any

from live_runner.venue import unsent
from live_runner.venue.link import VenueLink
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import Brokers
from quant_pipelines.trading.venue import MarketOrder
from tests.faults.mutations.changed import Block, changed


def gives_up_what_was_sent() -> Block:
    """What an earlier life had sent counts as refused."""

    def change(follow: Any) -> Any:
        async def broken(self: OrderRows, order: Any, status: Any, **more: Any) -> None:
            is_left = status == "UNKNOWN" and not more
            await follow(self, order, "REJECTED" if is_left else status, **more)

        return broken

    return changed((OrderRows, "follow", change))


def sends_what_was_left() -> Block:
    """What an earlier life had committed and not sent is sent now."""

    def change(follow: Any) -> Any:
        async def broken(self: OrderRows, order: Any, status: Any, **more: Any) -> None:
            if status == "DENIED" and more == {"reason": unsent.NEVER_SENT}:
                intent, now_ms = order.intent, await self._venue.now_ms()
                sent = (intent.client_order_id, self._trader.symbol, intent.side, intent.quantity, now_ms)
                await self._venue.send(MarketOrder(*sent))
                return
            await follow(self, order, status, **more)

        return broken

    return changed((OrderRows, "follow", change))


def reads_no_trades_of_before() -> Block:
    """Trades count from the start of a life on."""

    def change(begin: Any) -> Any:
        async def broken(self: VenueLink) -> None:
            await self.place.with_brokers(_forget_what_was_swept)
            await begin(self)

        return broken

    return changed((VenueLink, "_begin", change))


def _forget_what_was_swept(brokers: Brokers) -> None:
    for broker in brokers.values():
        broker.swept_trade_id = None
