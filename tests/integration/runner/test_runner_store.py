import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import ReconciliationError, StoreError
from quant_pipelines.store.deployments import read_deployments, read_limits, seed_limits, set_limit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import open_epoch, writer_session
from quant_pipelines.store.heartbeats import (
    Alert,
    Heartbeat,
    read_halts,
    read_heartbeats,
    write_alert,
    write_halt,
    write_heartbeat,
)
from quant_pipelines.store.trading import (
    Booking,
    EquityPoint,
    Fill,
    Income,
    Intent,
    OrderState,
    Position,
    Signal,
    book,
    change_order,
    read_book,
    trade_id,
)
from quant_pipelines.store.venue_orders import Received, receive
from quant_pipelines.trading.breaker import Trip

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def epoch(engine: Engine) -> int:
    return open_epoch(engine, "test:1", NOW)


@pytest.fixture
def deployment_id(deploy: Callable[..., int]) -> int:
    return deploy("source")


def booking(deployment_id: int, bar_close: datetime = NOW, **changes: object) -> Booking:
    flat = Position(Decimal(0), Decimal(0), Decimal(0), None)
    values = Booking(deployment_id, "paper", "BTC/USDT:USDT", bar_close, {"cash": 0.1}, flat)
    return replace(values, **changes)  # type: ignore[arg-type]


def fill(deployment_id: int, number: int = 1) -> Fill:
    price, fee = Decimal("100.1"), Decimal("0.015")
    name = trade_id(deployment_id, number)
    return Fill(name, None, "sell", Decimal("0.300"), price, fee, "hard_stop", NOW)


def intent(bar_close: datetime = NOW) -> Intent:
    return Intent(f"q1-1-{bar_close:%H%M}-t", "buy", Decimal("0.5"), "target", bar_close)


def test_a_booking_is_read_back_as_it_was_written(engine: Engine, epoch: int, deployment_id: int) -> None:
    funding = Income("funding", NOW, Decimal("-0.125"))
    signal = Signal(NOW, 1.0, 100.1, {"reason": "target changed"})
    point = EquityPoint(NOW, 1.0, 2.0, 3.0, 7.0)
    written = booking(
        deployment_id,
        fills=(fill(deployment_id),),
        income=(funding,),
        equity=(point,),
        signal=signal,
        intent=intent(),
        state={"cash": 0.1 + 0.2},
    )
    book(engine, epoch, written, NOW)
    stored = read_book(engine, deployment_id)
    assert stored.state == {"cash": 0.1 + 0.2}
    assert stored.bar_close == NOW
    assert stored.fills == (fill(deployment_id),)
    assert stored.income == (funding,)
    assert stored.open_intents == (intent(),)
    assert stored.last_signal == signal


def test_a_book_without_rows_is_empty(engine: Engine, deployment_id: int) -> None:
    stored = read_book(engine, deployment_id)
    assert (stored.state, stored.bar_close, stored.fills, stored.open_intents) == (None, None, (), ())


def test_the_same_bar_is_not_booked_twice(engine: Engine, epoch: int, deployment_id: int) -> None:
    book(engine, epoch, booking(deployment_id), NOW)
    with pytest.raises(ReconciliationError, match="booked before"):
        book(engine, epoch, booking(deployment_id, fills=(fill(deployment_id),)), NOW)
    assert read_book(engine, deployment_id).fills == ()


def test_a_fill_that_exists_takes_its_whole_booking_back(
    engine: Engine, epoch: int, deployment_id: int
) -> None:
    book(engine, epoch, booking(deployment_id, fills=(fill(deployment_id),)), NOW)
    again = booking(deployment_id, NOW + MINUTE, fills=(fill(deployment_id),), intent=intent(NOW + MINUTE))
    with pytest.raises(IntegrityError):
        book(engine, epoch, again, NOW)
    stored = read_book(engine, deployment_id)
    assert stored.bar_close == NOW
    assert stored.open_intents == ()


def test_a_writer_of_an_old_epoch_books_nothing(engine: Engine, epoch: int, deployment_id: int) -> None:
    newer = open_epoch(engine, "test:2", NOW)
    with pytest.raises(StoreError, match=f"writer {newer} has taken over"):
        book(engine, epoch, booking(deployment_id), NOW)
    assert read_book(engine, deployment_id).bar_close is None


def test_order_state_never_goes_back(engine: Engine, epoch: int, deployment_id: int) -> None:
    book(engine, epoch, booking(deployment_id, intent=intent()), NOW)
    order = intent().client_order_id
    change_order(engine, epoch, OrderState(order, "SUBMITTED"), NOW)
    change_order(engine, epoch, OrderState(order, "FILLED", Decimal("0.5")), NOW)
    with pytest.raises(ReconciliationError, match="final already"):
        change_order(engine, epoch, OrderState(order, "SUBMITTED"), NOW)
    assert read_book(engine, deployment_id).open_intents == ()


def test_one_bar_yields_one_intent_also_across_epochs(engine: Engine, epoch: int, deployment_id: int) -> None:
    book(engine, epoch, booking(deployment_id, intent=intent()), NOW)
    newer = open_epoch(engine, "test:2", NOW)
    other = replace(intent(), client_order_id="q2-1-x-t")
    with pytest.raises(IntegrityError):
        book(engine, newer, booking(deployment_id, NOW + MINUTE, intent=other), NOW)


def test_one_session_holds_the_writers_lock_and_its_end_frees_it(database_url: str) -> None:
    async def both() -> tuple[bool, bool]:
        async with writer_session(database_url) as second:
            async with writer_session(database_url) as first:
                held = await first.try_lock(), await second.try_lock()
            async with asyncio.timeout(10):  # the server frees the lock a moment after the session's end
                while not await second.try_lock():
                    await second.wait_for_change(0.02)
            return held

    assert asyncio.run(both()) == (True, False)


def test_a_session_hears_of_new_deployments(database_url: str, engine: Engine) -> None:
    async def heard() -> tuple[bool, bool]:
        async with writer_session(database_url) as session:
            quiet = await session.wait_for_change(0.05)
            with engine.begin() as connection:
                connection.execute(text("select pg_notify('deployments', '')"))
            return quiet, await session.wait_for_change(5)

    assert asyncio.run(heard()) == (False, True)


def test_a_killed_session_is_noticed(database_url: str, engine: Engine) -> None:
    async def killed() -> None:
        async with writer_session(database_url) as session:
            assert await session.try_lock()
            with engine.begin() as connection:
                connection.execute(
                    text(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = current_database() and pid <> pg_backend_pid()"
                    )
                )
            await session.wait_for_change(5)

    with pytest.raises(StoreError, match="does not answer"):
        asyncio.run(killed())


def test_deployments_carry_the_source_they_were_deployed_with(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    deploy("the deployed source", parameters={"fast": 12})
    deploy("retired", symbol="ETH/USDT:USDT", stage="retired")
    (deployment,) = read_deployments(engine)
    assert (deployment.source, deployment.parameters) == ("the deployed source", {"fast": 12})
    assert deployment.instrument is not None
    assert deployment.instrument.lot_size == Decimal("0.001")


def test_limits_are_seeded_once(engine: Engine) -> None:
    seed_limits(engine, {"max_leverage": 2.0}, NOW)
    seed_limits(engine, {"max_leverage": 5.0, "max_position_fraction": 1.0}, NOW)
    assert read_limits(engine) == {"account": {"max_leverage": 2.0, "max_position_fraction": 1.0}}


def test_a_heartbeat_replaces_the_one_before(engine: Engine) -> None:
    write_heartbeat(engine, Heartbeat("live_runner", "STANDBY", NOW, {}))
    write_heartbeat(engine, Heartbeat("live_runner", "ACTIVE", NOW + MINUTE, {"epoch": 2}))
    with engine.begin() as connection:
        beats = read_heartbeats(connection)
    assert beats == {"live_runner": Heartbeat("live_runner", "ACTIVE", NOW + MINUTE, {"epoch": 2})}


def test_a_halt_stands_until_it_is_resolved(engine: Engine) -> None:
    write_alert(engine, Alert("warning", "deployment:1", "late", NOW))
    write_alert(engine, Alert("halt", "deployment:2", "strategy failed", NOW))
    assert read_halts(engine) == {"deployment:2": (Trip("failed", "strategy failed"),)}
    with engine.begin() as connection:
        connection.execute(text("update ops.alerts set resolved_at = now()"))
    assert read_halts(engine) == {}


def test_an_external_fill_and_the_halt_that_it_asks_for_are_one_commit(
    engine: Engine, epoch: int, deployment_id: int
) -> None:
    flat = Position(Decimal(0), Decimal(0), Decimal(0), None)
    fills = [replace(fill(deployment_id), reason="liquidation", realized_pnl=Decimal("-1.5"))]
    received = Received(
        deployment_id, "binanceusdm", "BTC/USDT:USDT", fills, [], flat, "EXTERNAL liquidation"
    )
    receive(engine, epoch, received, NOW)
    closed = Trip("failed", "EXTERNAL liquidation")
    write_halt(engine, f"deployment:{deployment_id}", closed, NOW)  # as the link does then
    assert read_halts(engine) == {f"deployment:{deployment_id}": (closed,)}
    assert read_book(engine, deployment_id).fills == tuple(fills)
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from ops.alerts")).scalar_one() == 1
    with pytest.raises(ReconciliationError, match="booked before"):
        receive(engine, epoch, replace(received, halt="another"), NOW)
    assert read_halts(engine) == {f"deployment:{deployment_id}": (closed,)}


@pytest.mark.parametrize("stored", [Decimal("NaN"), Decimal(-1), Decimal(1000)])
def test_a_stored_limit_that_can_not_be_one_allows_nothing(engine: Engine, stored: Decimal) -> None:
    row = {"scope": "account", "name": "max_leverage", "value": stored}
    with transaction(engine) as connection:
        set_limit(connection, {**row, "updated_at": NOW, "updated_by": "ann"})
    assert read_limits(engine) == {"account": {"max_leverage": 0}}
