"""Books that have left a place: what the venue still does for them is known in their rows.

Whoever opens such a book again reads them; until then it is covered by what stands at the venue. A fill is
booked there. Of a book that left before this process began only the order's row is told of its fill: that is
why it is opened again, and books it. What the venue has accepted late for any of them is canceled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeVar

from live_runner.book.broker import Opened
from live_runner.book.plan import DeploymentPlan
from live_runner.venue.attribution import attributed
from live_runner.venue.broker import VenueBroker
from live_runner.venue.order_progress import gone_on
from live_runner.venue.place import Brokers, PlaceBooks, order_among
from live_runner.venue.receiving import Booked, book_trades
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.ids import deployment_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder
from quant_pipelines.trading.orders import FINAL, OrderProgress
from quant_pipelines.trading.venue import OrderVenue, VenueOrder, VenueStop, VenueTrade

_RETURNS_SECONDS = 10.0
"""How long a book may be away that is opened anew, before what it holds is missed."""

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class _RemovedRows(NamedTuple):
    """Books as their rows are now, asked like a place."""

    symbol: str
    brokers: Brokers

    async def order_of(self, *, client_order_id: str = "", venue_order_id: str = "") -> PlacedOrder | None:
        return order_among(self.brokers, client_order_id=client_order_id, venue_order_id=venue_order_id)

    async def with_brokers(self, act: Callable[[Brokers], Answer]) -> Answer:
        return act(self.brokers)


class RemovedBooks:
    """Removed books of one place.

    Parameters
    ----------
    venue
        Where they traded.
    journal, epoch
        Rows of the runner, and the writer's epoch.
    open_broker
        Opens a book where its rows end.

    Attributes
    ----------
    awaited_until
        Until when one of them may come back with what it holds, by the loop's clock.
    """

    def __init__(
        self, venue: OrderVenue, journal: Journal, epoch: int, open_broker: Callable[[DeploymentPlan], Opened]
    ) -> None:
        self._venue = venue
        self._journal = journal
        self._epoch = epoch
        self._open = open_broker
        self._plans: dict[int, DeploymentPlan] = {}
        self.awaited_until = 0.0

    def leave(self, plan: DeploymentPlan) -> None:
        """Know a book that is removed."""
        self._plans[plan.deployment.id] = plan
        self._await()

    def come_back(self, deployment_id: int) -> bool:
        """Forget a book that is opened again; whether its rows may be newer than what was read then."""
        return self._plans.pop(deployment_id, None) is not None

    async def cancel(self, symbol: str, orders: Iterable[VenueOrder], stops: Iterable[VenueStop]) -> None:
        """Cancel what works at the venue of orders that have ended for us, and is looked after by nobody.

        Raises
        ------
        StoreError
            If the rows can't be read or written.
        """
        for order in orders:
            known = await self._order(order.client_order_id)
            if known is not None and known.progress.status in FINAL:
                await self._follow(known, order)
                await given_up(self._venue.cancel_order(symbol, order.client_order_id))
        for stop in stops:
            known = await self._order(stop.client_order_id)
            if known is not None and known.progress.status in FINAL:
                await given_up(self._venue.cancel_stop(symbol, stop.client_order_id))

    async def book(self, symbol: str, trades: list[VenueTrade]) -> tuple[list[Booked], list[VenueTrade]]:
        """Book those of the trades that are theirs; returns what is new of them, and the others.

        Raises
        ------
        ExchangeError
            If the venue can't be asked whose they are.
        StoreError
            If the rows can't be read or written.
        """
        booked, others = await self._booked(trades)
        return booked, [trade for trade in others if not await self._is_told(symbol, trade)]

    async def _booked(self, trades: list[VenueTrade]) -> tuple[list[Booked], list[VenueTrade]]:
        if not (trades and self._plans):
            return [], trades
        plans = list(self._plans.values())
        brokers = await asyncio.to_thread(self._opened, plans)
        found = await attributed(self._venue, trades, _RemovedRows(plans[0].deployment.symbol, brokers))
        theirs = [one for one in found.ours if one.client_order_id is not None]
        instrument = plans[0].deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        books = PlaceBooks(self._journal, self._epoch, brokers, instrument.lot_size)
        at = from_ms(await self._venue.now_ms())
        booked = await asyncio.to_thread(partial(book_trades, books, theirs, at, halts={}))
        if booked:
            self._await()
        return booked, [trade for trade in trades if trade not in [one.trade for one in theirs]]

    async def _is_told(self, symbol: str, trade: VenueTrade) -> bool:
        """Tell the row of the order that a trade filled; False if it is of no order of ours."""
        seen = await self._venue.find_order(symbol, venue_order_id=trade.venue_order_id)
        known = None if seen is None else await self._order(seen.client_order_id)
        if seen is None or known is None:
            return False
        await self._follow(known, seen)
        return True

    async def _order(self, name: str) -> PlacedOrder | None:
        """Order of any book, as its rows are; None if it is none of ours."""
        deployment_id = deployment_of(name)
        if deployment_id is None:
            return None
        rows = await asyncio.to_thread(self._journal.read_orders, deployment_id)
        return next((one for one in rows if one.intent.client_order_id == name), None)

    async def _follow(self, known: PlacedOrder, seen: VenueOrder) -> None:
        """Commit what the venue says of an order, which has its book opened again."""
        progress = OrderProgress(seen.status, seen.filled_quantity)
        new = gone_on(known, OrderStep(seen.client_order_id, progress, seen.venue_order_id))
        if new is not None:
            at = from_ms(await self._venue.now_ms())
            await asyncio.to_thread(self._journal.follow_order, self._epoch, new, at)
            self._await()

    def _opened(self, plans: list[DeploymentPlan]) -> Brokers:
        brokers: dict[int, VenueBroker] = {}
        for plan in plans:
            broker = self._open(plan).broker
            assert isinstance(broker, VenueBroker)  # noqa: S101 - the link opens it
            brokers[plan.deployment.id] = broker
        return brokers

    def _await(self) -> None:
        self.awaited_until = asyncio.get_running_loop().time() + _RETURNS_SECONDS


async def given_up(cancel: Awaitable[None]) -> None:
    """Cancel what is left over; where that can't be proven, the next look does it again."""
    try:
        await cancel
    except ExchangeError as error:
        _log.warning("what is left over is not proven to be canceled", extra={"error": str(error)})
