"""Limit orders of ours at the venue: placed, changed, canceled, and what is known when an answer is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from quant_pipelines.core.errors import ExchangeRefused, OrderWouldTake, OutcomeUnknown
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.simulator.venue.records import AlgoOrder, Order
from quant_pipelines.trading.venue import LimitOrder, StopOrder

BTC = "BTC/USDT:USDT"


class Forgetful:
    """A session whose answers to some requests are lost once the venue has done them."""

    def __init__(self, lost: str) -> None:
        self._session = aiohttp.ClientSession()
        self._lost = lost
        self.is_losing = False

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._session, name)
        return self._losing(act) if name == self._lost and self.is_losing else act

    def _losing(self, act: Any) -> Any:
        @asynccontextmanager
        async def losing(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
            async with act(*arguments, **named) as answer:
                await answer.read()
            raise aiohttp.ServerDisconnectedError
            yield

        return losing


async def limit_at(venue: CcxtOrders, price: str, quantity: str = "0.01", **more: Any) -> LimitOrder:
    return LimitOrder("q1", BTC, "buy", Decimal(quantity), Decimal(price), await venue.now_ms(), **more)


async def at_venue(venue: CcxtOrders) -> tuple[str, Decimal]:
    found = await venue.find_order(BTC, client_order_id="q1")
    assert found is not None
    return found.status, found.price


@pytest.mark.parametrize(("post_only", "time_in_force"), [(True, "GTX"), (False, "GTC")])
def test_limit_order_rests_at_its_price(play: Any, post_only: bool, time_in_force: str) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            placed = await venue.place_limit(await limit_at(venue, "59000", post_only=post_only))
            assert (placed.status, placed.price) == ("ACCEPTED", 59_000)
            assert await venue.open_orders(BTC) == [placed]
            [kept] = world.venue.ledger.store.select(Order)
            assert (kept.time_in_force, kept.self_trades) == (time_in_force, "EXPIRE_MAKER")

    play(scenario)


def test_post_only_order_that_would_take_is_refused_for_good(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            with pytest.raises(OrderWouldTake, match="-5022"):
                await venue.place_limit(await limit_at(venue, "60500"))
            assert await venue.find_order(BTC, client_order_id="q1") is None

    play(scenario)


def test_amended_order_keeps_its_name_and_its_number(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            placed = await venue.place_limit(await limit_at(venue, "59000"))
            await venue.amend(await limit_at(venue, "59500"))
            await venue.amend(await limit_at(venue, "59500"))
            assert await venue.open_orders(BTC) == [placed._replace(price=Decimal(59_500))]

    play(scenario)


def test_order_that_would_take_at_its_new_price_is_found_canceled(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            await venue.place_limit(await limit_at(venue, "59000"))
            await venue.amend(await limit_at(venue, "60500"))
            assert (await at_venue(venue))[0] == "CANCELED"
            await venue.amend(await limit_at(venue, "59000"))
            await venue.cancel_order(BTC, "q1")
            assert (await at_venue(venue))[0] == "CANCELED"

    play(scenario)


@pytest.mark.parametrize(
    ("price", "quantity"), [("59000.05", "0.01"), ("59500", "0.0101"), ("90000", "0.01")]
)
def test_refused_amendment_leaves_the_order(play: Any, price: str, quantity: str) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            await venue.place_limit(await limit_at(venue, "59000"))
            with pytest.raises(ExchangeRefused):
                await venue.amend(await limit_at(venue, price, quantity))
            assert await at_venue(venue) == ("ACCEPTED", 59_000)

    play(scenario)


def test_order_that_may_take_is_not_amended(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            await venue.place_limit(await limit_at(venue, "59000", post_only=False))
            with pytest.raises(ExchangeRefused, match="expected a post-only one"):
                await venue.amend(await limit_at(venue, "59500", post_only=False))

    play(scenario)


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("post", ("ACCEPTED", 59_000)), ("put", ("ACCEPTED", 59_500)), ("delete", ("CANCELED", 59_000))],
)
def test_lost_answer_leaves_the_outcome_open_until_it_is_read_back(
    play: Any, verb: str, expected: tuple[str, int]
) -> None:
    async def scenario(world: Any) -> None:
        session = Forgetful(verb)
        async with CcxtOrders(world.settings, "", "", open_session=lambda: session) as venue:
            wanted = await limit_at(venue, "59000")
            session.is_losing = verb == "post"
            if verb != "post":
                await venue.place_limit(wanted)
            session.is_losing = True
            changed = await limit_at(venue, "59500")
            acts = {"post": venue.place_limit(wanted), "put": venue.amend(changed)}
            acts["delete"] = venue.cancel_order(BTC, "q1")
            with pytest.raises(OutcomeUnknown):
                await acts.pop(verb)
            for unused in acts.values():
                unused.close()
            assert await at_venue(venue) == expected

    play(scenario)


def test_best_prices_have_their_mid(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            touch = await venue.touch(BTC)
            assert touch.bid < touch.mid < touch.ask

    play(scenario)


@pytest.mark.parametrize("reduce_only", [False, True])
def test_stop_of_a_quantity_waits_as_one_that_may_open_or_only_reduces(play: Any, reduce_only: bool) -> None:
    async def scenario(world: Any) -> None:
        async with CcxtOrders(world.settings, "", "") as venue:
            amounts = (Decimal(61_000), await venue.now_ms(), Decimal("0.01"))
            await venue.place_stop(StopOrder("q1", BTC, "buy", *amounts, reduce_only=reduce_only))
            [shown] = await venue.open_stops(BTC)
            assert (shown.status, shown.trigger_price, shown.quantity) == ("ACCEPTED", *amounts[::2])
            assert not shown.closes_position
            [kept] = world.venue.ledger.store.select(AlgoOrder)
            assert (kept.reduce_only, kept.close_position) == (reduce_only, False)
            await venue.cancel_stop(BTC, "q1")
            found = await venue.find_stop(BTC, "q1")
            assert found is not None
            assert found.status == "CANCELED"

    play(scenario)
