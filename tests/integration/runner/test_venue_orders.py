"""A canary trades through real ccxt orders at the simulated venue, whose own ledger is the truth."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.errors import ExchangeRefused, OutcomeUnknown
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading.venue import AccountPosition, MarketOrder, StopOrder, VenueEvent, VenueOrder
from tests.faults.boundaries import Cell
from tests.integration.runner.kills import KILLS, NEVER_SENT, run_until_killed
from tests.integration.runner.venue_world import (
    STATUS,
    SYMBOL,
    Ledger,
    Venue,
    assert_books_equal,
    deploy_canary,
    faults_told,
    is_entered,
    is_protected,
    our_fills,
    runner,
    settings_of,
    status_of,
    until,
    waits_for,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
ROOT = Path(__file__).resolve().parents[3]


def test_a_canary_trades_through_an_order_and_its_stop_is_read_back(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: is_entered(engine))

    asyncio.run(scenario())
    entered = rows(
        engine,
        "select side, order_type, status from trading.intents join trading.orders using (client_order_id) "
        "where purpose = 'target' and filled_quantity > 0",
    )
    assert entered == [("buy", "market", "FILLED")]
    assert_books_equal(engine, ledger)
    [(held, entry, stop)] = rows(engine, "select quantity, entry_price, stop_price from trading.positions")
    [(name, closes, trigger)] = ledger.select(
        "select client_id, close_position, trigger_price from algo_orders where status = 'NEW'"
    )
    assert held > 0
    assert stop == pytest.approx(entry * Decimal("0.95"), rel=Decimal("1e-9"))
    assert closes
    assert ledger.select("select is_protected from algo_orders") == [(0,)]
    assert 0 <= Decimal(trigger) - stop < Decimal("0.1")
    stops = rows(engine, "select client_order_id from trading.intents where purpose = 'stop'")
    assert (name,) in stops
    late = (
        "select count(*) from trading.fills f join trading.intents i using (client_order_id) "
        "where i.committed_at > f.ts"
    )
    assert rows(engine, late) == [(0,)]
    assert faults_told(engine) == []


def test_a_canary_that_leaves_its_stage_is_closed_at_the_venue_and_its_stop_canceled(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deployment_id = deploy_canary(deploy)
    leave = text("update trading.deployments set stage = 'rolled_back' where id = :id")

    def is_closed() -> bool:
        return rows(engine, "select quantity from trading.positions") == [
            (Decimal(0),)
        ] and not ledger.select("select client_id from algo_orders where status = 'NEW'")

    async def scenario() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: is_protected(engine))
            with engine.begin() as connection:
                connection.execute(leave, {"id": deployment_id})
            venue.clock.skip_minute()
            await until(is_closed, 150.0)

    asyncio.run(scenario())
    assert list(dict.fromkeys(side for _, side, *_ in ledger.fills())) == ["buy", "sell"]
    assert_books_equal(engine, ledger)


@pytest.mark.parametrize("cell", KILLS, ids=str)
def test_kill_9_around_a_request_leaves_one_order_booked_once(
    cell: Cell, engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)
    run_until_killed(database_url, venue.address, cell)
    name = rows(engine, "select client_order_id from trading.intents where purpose = 'target'")[0][0]
    was_sent = cell != NEVER_SENT

    async def recover() -> None:
        async with runner(engine, database_url, venue):
            if was_sent:
                await until(lambda: is_entered(engine))
            else:
                await until(lambda: rows(engine, STATUS.format("target"))[0] == ("REJECTED",))

    asyncio.run(recover())
    sent = [row[0] for row in ledger.select("select client_id from orders")]
    if was_sent:
        assert sent == [name]
        assert rows(engine, STATUS.format("target")) == [("FILLED",)]
    else:
        assert name not in sent
    assert len(ledger.select("select 1 from algo_orders where status = 'NEW'")) == len(set(sent))
    assert_books_equal(engine, ledger)


class Muted(CcxtOrders):
    """The user's stream is connected and says nothing."""

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        await asyncio.Event().wait()
        yield None


def test_with_a_mute_user_stream_the_sweep_books(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Muted):
            await until(lambda: is_protected(engine))

    asyncio.run(scenario())
    assert_books_equal(engine, ledger)


class Lossy(CcxtOrders):
    """Loses the answer to the first order: the venue has it, the connection is reset."""

    async def send(self, order: MarketOrder) -> VenueOrder:
        self._client.open()
        session, lose = self._client.session, [True]
        post = session.post

        @asynccontextmanager
        async def posted(*arguments: Any, **options: Any) -> AsyncIterator[Any]:
            async with post(*arguments, **options) as response:
                await response.read()
                if lose:
                    lose.clear()
                    raise aiohttp.ServerDisconnectedError
                yield response

        session.post = posted
        try:
            return await super().send(order)
        finally:
            session.post = post


class Broken(CcxtOrders):
    """The first order is lost on the way to the venue."""

    async def send(self, order: MarketOrder) -> VenueOrder:
        raise OutcomeUnknown(f"nobody knows what became of {order.client_order_id}")


def test_an_order_whose_answer_is_lost_is_found_by_its_name_and_never_sent_again(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Lossy):
            await until(lambda: is_entered(engine))

    asyncio.run(scenario())
    [(status, reason)] = rows(
        engine,
        "select status, reason from trading.orders join trading.intents using (client_order_id) "
        "where purpose = 'target'",
    )
    assert (status, reason) == ("FILLED", "")
    assert len(ledger.select("select 1 from orders")) == 1
    assert_books_equal(engine, ledger)


def test_an_order_that_never_arrived_is_rejected_only_after_look_ups(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Broken):
            await until(lambda: rows(engine, STATUS.format("target")) == [("UNKNOWN",)])
            await until(lambda: "is not settled" in waits_for(engine))
            await until(lambda: rows(engine, STATUS.format("target"))[0] == ("REJECTED",))

    asyncio.run(scenario())
    [(reason, seconds)] = rows(
        engine,
        "select reason, extract(epoch from updated_at - committed_at)::float from trading.orders "
        "join trading.intents using (client_order_id) where status = 'REJECTED'",
    )
    assert reason == "not found in 3 look-ups: it never arrived"
    assert seconds > 3.5
    assert ledger.fills() == []


class Unprotected(CcxtOrders):
    """The venue takes no stops."""

    async def place_stop(self, stop: StopOrder) -> None:
        raise ExchangeRefused(f"no stop {stop.client_order_id} today")


def test_a_position_whose_stop_is_refused_is_flattened(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Unprotected):
            await until(lambda: rows(engine, STATUS.format("flatten")) == [("FILLED",)])
            await until(lambda: rows(engine, "select quantity from trading.positions") == [(Decimal(0),)])

    asyncio.run(scenario())
    assert_books_equal(engine, ledger)
    bought, sold = (Decimal(ts) for (ts,) in ledger.select("select min(ts_ms) from fills group by side"))
    assert sold - bought <= 3_000
    told = [message for (message,) in rows(engine, "select message from ops.alerts")]
    assert any("flattened" in message for message in told), told


class Leveraged(CcxtOrders):
    """The venue would liquidate a long 5 % below the mark: before the stop at 10 %."""

    async def position(self, symbol: str) -> AccountPosition:
        held = await super().position(symbol)
        mark = held.mark_price if held.quantity > 0 else None
        return held._replace(liquidation_price=mark and mark * Decimal("0.95"))


def test_a_stop_that_the_liquidation_would_forestall_is_moved_before_it(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)
    waiting = "select trigger_price from algo_orders where status = 'NEW'"
    told = "select message from ops.alerts where message like '%before the liquidation at%'"

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Leveraged):
            await until(lambda: rows(engine, told) != [])
            await until(lambda: levels() == ["before"])

    def levels() -> list[str]:
        [(bought,)], stops = ledger.select("select price from fills limit 1"), ledger.select(waiting)
        parts = [Decimal(stop) / Decimal(bought) for (stop,) in stops]  # two of them while one is moved
        return ["before" if Decimal("0.97") < part < Decimal("0.985") else "behind" for part in parts]

    asyncio.run(scenario())
    reasons = (
        "select exit_reason from trading.intents where purpose = 'stop' order by committed_at desc limit 1"
    )
    assert rows(engine, reasons)[-1] == ("liquidation_buffer",)
    assert_books_equal(engine, ledger)


class Barred(Unprotected):
    """The venue takes no stops, and refuses the first exit."""

    has_refused = False

    async def send(self, order: MarketOrder) -> VenueOrder:
        if order.reduce_only and not self.has_refused:
            self.has_refused = True
            raise ExchangeRefused(f"no exit {order.client_order_id} now")
        return await super().send(order)


def test_an_exit_that_is_refused_is_tried_again_after_2_s_and_its_stop_meanwhile(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue, Barred):
            await until(lambda: status_of(engine, "flatten") == [("REJECTED",), ("FILLED",)])
            await until(lambda: rows(engine, "select quantity from trading.positions") == [(Decimal(0),)])

    asyncio.run(scenario())
    assert_books_equal(engine, ledger)
    committed = "select committed_at from trading.intents where purpose = '{}' order by committed_at"
    first, second = (at for (at,) in rows(engine, committed.format("flatten")))
    stops = [at for (at,) in rows(engine, committed.format("stop"))]
    assert (second - first).total_seconds() >= 2.0
    assert sum(first < at < second for at in stops) >= 2


def test_a_stop_that_somebody_cancels_is_put_back(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)
    standing = "select client_id from algo_orders where status = 'NEW'"

    async def scenario() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: is_protected(engine))
            [(first,)] = ledger.select(standing)
            async with CcxtOrders(settings_of(venue.address).exchange, "", "") as somebody:
                await somebody.cancel_stop(SYMBOL, first)
            await until(lambda: [name for (name,) in ledger.select(standing) if name != first], 5)

    asyncio.run(scenario())
    assert_books_equal(engine, ledger)


def test_a_manual_trade_halts_the_symbol_with_the_difference(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue
) -> None:
    deploy_canary(deploy)

    async def scenario() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: is_protected(engine))
            async with CcxtOrders(settings_of(venue.address).exchange, "", "") as somebody:
                by_hand = MarketOrder("by-hand", SYMBOL, "sell", Decimal("0.01"), await somebody.now_ms())
                await somebody.send(by_hand)
            await until(lambda: rows(engine, "select 1 from ops.alerts where severity = 'halt'"))

    asyncio.run(scenario())
    [(message,)] = rows(engine, "select message from ops.alerts where severity = 'halt'")
    assert "trade of somebody else" in message
    assert "by-hand" not in str(our_fills(engine))
