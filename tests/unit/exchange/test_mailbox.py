"""A mailbox keeps the newest states and every trade; the exchange's clock is never ahead of itself."""

import asyncio
from typing import Any

import pytest

from quant_pipelines.exchange.mailbox import Mailbox
from quant_pipelines.exchange.market_source import LiveBar, PublicTrade
from quant_pipelines.exchange.server_clock import ServerClock
from quant_pipelines.exchange.streams import MAILBOXES


def bar(close: float, *, ts: int = 60_000) -> LiveBar:
    return LiveBar("BTC/USDT:USDT", ts, 1.0, 3.0, 1.0, close, 5.0, 61_234)


def trade(number: int) -> PublicTrade:
    return PublicTrade("BTC/USDT:USDT", 60_000, str(number), 1.0, 1.0, False, 60_001)


def taken(mailbox: Mailbox) -> list[Any]:
    return asyncio.run(mailbox.take())


def test_a_slow_consumer_gets_the_newest_state_of_each_bar() -> None:
    mailbox = MAILBOXES["bars"]()
    for one in (bar(1.0), bar(2.0), bar(2.5, ts=120_000)):
        mailbox.put(one)
    assert [one.close for one in taken(mailbox)] == [2.0, 2.5]


def test_a_slow_consumer_gets_every_trade_in_order() -> None:
    mailbox = MAILBOXES["trades"]()
    for number in range(3000):
        mailbox.put(trade(number))
    assert [one.trade_id for one in taken(mailbox)] == [str(number) for number in range(3000)]


def test_a_consumer_that_never_looks_costs_bounded_memory_and_is_counted() -> None:
    mailbox = Mailbox(most_waiting=10)
    for number in range(25):
        mailbox.put(number)
    assert (taken(mailbox), mailbox.dropped) == (list(range(15, 25)), 15)


def test_a_wake_without_news_hands_out_nothing() -> None:
    mailbox = Mailbox()
    mailbox.wake()
    assert taken(mailbox) == []


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
