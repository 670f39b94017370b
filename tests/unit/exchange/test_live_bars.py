"""The mailbox keeps the newest state of each open bar, and the exchange's clock is never ahead of itself."""

import asyncio
from typing import Any

import pytest

from quant_pipelines.exchange.live_bars import Mailbox
from quant_pipelines.exchange.market_source import LiveBar
from quant_pipelines.exchange.server_clock import ServerClock


def kline(
    close: str, *, symbol: str = "BTCUSDT", interval: str = "1m", opened: int = 60_000
) -> dict[str, Any]:
    body = {"t": opened, "i": interval, "o": "1", "h": "3", "l": "1", "c": close, "v": "5"}
    return {"e": "kline", "s": symbol, "k": body}


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox({"BTCUSDT": "BTC/USDT:USDT"}, clock=lambda: 61_234)


def test_a_slow_consumer_gets_the_newest_state_of_each_bar(mailbox: Mailbox) -> None:
    for message in (kline("1"), kline("2"), kline("2.5", opened=120_000)):
        mailbox.deliver(message)
    first, second = asyncio.run(mailbox.take())
    assert first == LiveBar("BTC/USDT:USDT", 60_000, 1.0, 3.0, 1.0, 2.0, 5.0, 61_234)
    assert second.close == 2.5


@pytest.mark.parametrize(
    "message",
    [
        kline("1", symbol="ETHUSDT"),
        kline("1", interval="5m"),
        {"e": "trade"},
        {"result": None, "id": 1},
        [1, 2],
        "text",
        None,
    ],
)
def test_other_messages_are_ignored(mailbox: Mailbox, message: Any) -> None:
    mailbox.deliver(message)
    mailbox.wake()
    assert asyncio.run(mailbox.take()) == []


def test_a_consumer_that_never_looks_costs_bounded_memory(mailbox: Mailbox) -> None:
    for minute in range(5000):
        mailbox.deliver(kline("1", opened=minute * 60_000))
    assert len(asyncio.run(mailbox.take())) <= 1000


def test_server_clock_runs_on_from_the_last_answer() -> None:
    now = [100_000, 50.0]
    clock = ServerClock(lambda: int(now[0]), monotonic=lambda: now[1])
    assert not clock.is_valid()
    clock.set(1_000_000)
    now[:] = [103_000, 53.0]
    assert clock.is_valid()
    assert clock.now_ms() == 1_003_000


@pytest.mark.parametrize(("wall_ms", "monotonic"), [(100_000 + 3_600_000, 51.0), (100_000 + 700_000, 750.0)])
def test_server_clock_asks_anew_after_sleep_and_after_ten_minutes(wall_ms: int, monotonic: float) -> None:
    now = [100_000, 50.0]
    clock = ServerClock(lambda: int(now[0]), monotonic=lambda: now[1])
    clock.set(1_000_000)
    now[:] = [wall_ms, monotonic]
    assert not clock.is_valid()
