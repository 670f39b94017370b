"""What the runner tells: after the commit, from any thread, without waiting for anybody."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.book.announcer import Announcer, events_of
from quant_pipelines.cache import TOPICS, Cache, follow, position_key
from quant_pipelines.cache.keys import PENDING_ORDERS, SIGNAL_QUEUE
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.stages import PAPER_STAGES
from quant_pipelines.store.deployments import Deployment, read_deployments
from quant_pipelines.store.trading import Booking, Fill, Intent, OrderState, Position, Signal
from tests.integration.collector.market import BTC
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.world import SWITCH

pytestmark = pytest.mark.postgres

AT = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


@pytest.fixture
def deployment(engine: Engine) -> Deployment:
    insert_deployment_at(engine, SWITCH, {})
    return read_deployments(engine, PAPER_STAGES)[0]


def booking(deployment: Deployment, **more: Any) -> Booking:
    position = Position(Decimal("0.5"), Decimal("100.1"), Decimal("-1.25"), None)
    return Booking(deployment.id, "paper", BTC, AT, {}, position, **more)


def decided(denied_by: str | None = None) -> Signal:
    return Signal(AT, 1.0, 100.25, {"denied_by": denied_by})


INTENT = Intent("q1-1-a-t", "buy", Decimal("0.5"), "target", AT)
FILL = Fill("1:1", "q1-1-a-t", "buy", Decimal("0.5"), Decimal("100.10"), Decimal("0.02"), "target", AT)
FILLED = OrderState("q1-1-a-t", "FILLED", Decimal("0.5"))


def test_a_booking_is_told_in_the_order_in_which_it_happened(deployment: Deployment) -> None:
    told = events_of(
        deployment,
        booking(deployment, fills=(FILL,), orders=(FILLED,), signal=decided("daily_loss"), intent=INTENT),
    )
    assert [(topic, kind) for topic, kind, _ in told] == [
        ("orders", "fill"),
        ("orders", "order"),
        ("signals", "signal"),
        ("risk", "denied"),
        ("orders", "intent"),
    ]
    assert told[0][2]["price"] == "100.10"  # money as it is booked, not as a float
    assert told[3][2]["rule"] == "daily_loss"


def run(
    engine: Engine, url: str, key: str, act: Callable[[Announcer], None]
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Events by topic and live state after an act in a thread of its own."""

    async def play() -> tuple[dict[str, list[str]], dict[str, Any]]:
        async with Cache("", engine, url) as cache:
            announcer = Announcer(cache, "runner:test:1", system_clock_ms)
            telling = asyncio.create_task(announcer.run())
            thread = threading.Thread(target=act, args=(announcer,))
            thread.start()
            await asyncio.to_thread(thread.join)
            async with asyncio.timeout(120):
                async for _ in follow(cache.bus, "system", ""):
                    break
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            events = {topic: [one.event.kind for one in await cache.bus.read(topic, "")] for topic in TOPICS}
            keys = [key, SIGNAL_QUEUE, PENDING_ORDERS]
            found = await cache.state.read(keys)
            return events, {key: entry.value for key, entry in found.items()}

    return asyncio.run(play())


def test_what_a_trader_commits_is_told_from_its_thread(
    engine: Engine, database_url: str, deployment: Deployment
) -> None:
    def act(announcer: Announcer) -> None:
        announcer.booked(deployment, booking(deployment, signal=decided(), intent=INTENT))
        announcer.halted("deployment:1", "it broke")
        announcer.system("done", {})

    key = position_key("strategy_0", BTC, deployment.id)
    events, values = run(engine, database_url, key, act)
    assert events == {
        "market": [],
        "signals": ["signal"],
        "orders": ["intent"],
        "risk": ["halted"],
        "system": ["done"],
    }
    assert values[key]["quantity"] == "0.5"
    assert [order["client_order_id"] for order in values[PENDING_ORDERS]["orders"]] == ["q1-1-a-t"]
    assert [signal["target"] for signal in values[SIGNAL_QUEUE]["signals"]] == [1.0]


def test_an_order_that_is_final_no_longer_waits(
    engine: Engine, database_url: str, deployment: Deployment
) -> None:
    def act(announcer: Announcer) -> None:
        announcer.booked(deployment, booking(deployment, signal=decided(), intent=INTENT))
        announcer.booked(deployment, booking(deployment, fills=(FILL,), orders=(FILLED,)))
        announcer.system("done", {})

    key = position_key("strategy_0", BTC, deployment.id)
    events, values = run(engine, database_url, key, act)
    assert events["orders"] == ["intent", "fill", "order"]
    assert values[PENDING_ORDERS] == {"orders": []}
