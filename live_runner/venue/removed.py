"""Books that have left a place: what the venue still fills for them is booked in their rows.

Whoever opens such a book again reads them; until then it is covered by what stands at the venue.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from live_runner.book.broker import Opened
from live_runner.book.plan import DeploymentPlan
from live_runner.venue.attribution import attributed
from live_runner.venue.broker import VenueBroker
from live_runner.venue.place import Brokers, PlaceBooks, order_among
from live_runner.venue.receiving import Booked, book_trades
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.venue import OrderVenue, VenueTrade

_RETURNS_SECONDS = 10.0
"""How long a book may be away that is opened anew, before what it holds is missed."""
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

    async def book(self, trades: list[VenueTrade]) -> tuple[list[Booked], list[VenueTrade]]:
        """Book those of the trades that are theirs; returns what is new of them, and the others.

        Raises
        ------
        ExchangeError
            If the venue can't be asked whose they are.
        StoreError
            If the rows can't be read or written.
        """
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

    def _opened(self, plans: list[DeploymentPlan]) -> Brokers:
        brokers: dict[int, VenueBroker] = {}
        for plan in plans:
            broker = self._open(plan).broker
            assert isinstance(broker, VenueBroker)  # noqa: S101 - the link opens it
            brokers[plan.deployment.id] = broker
        return brokers

    def _await(self) -> None:
        self.awaited_until = asyncio.get_running_loop().time() + _RETURNS_SECONDS
