"""What the simulated venue tells beside bars, heard by the real client through ``CcxtSource``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from aiohttp import web

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from quant_pipelines.exchange import BookTop, CcxtSource, LiveBar, MarkPrice, PublicTrade
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.simulator.server import PlayedVenue, build_application, open_market

BTC, SOL = "BTC/USDT:USDT", "SOL/USDT:USDT"
SYMBOLS = [BTC, SOL]
Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> PlayedVenue:
    return open_market(tmp_path_factory.mktemp("market"), seed=11, clock=system_clock_ms)


@asynccontextmanager
async def source_of(played: PlayedVenue) -> AsyncIterator[CcxtSource]:
    runner = web.AppRunner(build_application(played, clock=system_clock_ms), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = ExchangeSettings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        async with CcxtSource(settings, backoff=Backoff(attempts=2, first_seconds=0.01)) as source:
            yield source
    finally:
        await runner.cleanup()


def ask(played: PlayedVenue, question: Callable[[CcxtSource], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with asyncio.timeout(90), source_of(played) as source:
            return await question(source)

    return asyncio.run(run())


async def one_of_each(stream: AsyncIterator[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async for value in stream:
        found[value.symbol] = value
        if len(found) == len(SYMBOLS):
            return found
    raise AssertionError("streams never end")


def test_all_streams_of_one_client_arrive_at_the_same_time(played: PlayedVenue) -> None:
    async def question(source: CcxtSource) -> list[dict[str, Any]]:
        watches = (source.watch_bars, source.watch_trades, source.watch_book_tops, source.watch_marks)
        return await asyncio.gather(*(one_of_each(watch(SYMBOLS)) for watch in watches))

    kinds = (LiveBar, PublicTrade, BookTop, MarkPrice)
    for kind, found in zip(kinds, ask(played, question), strict=True):
        assert set(found) == set(SYMBOLS)
        assert all(isinstance(value, kind) and value.received_ms >= value.ts for value in found.values())


def test_streamed_trade_has_the_id_and_numbers_that_history_tells_later(played: PlayedVenue) -> None:
    async def question(source: CcxtSource) -> tuple[PublicTrade, list[PublicTrade]]:
        async for trade in source.watch_trades([BTC]):
            return trade, await source.trades(BTC, Window(trade.ts, trade.ts + 1))
        raise AssertionError("streams never end")

    streamed, told = ask(played, question)
    [later] = [one for one in told if one.trade_id == streamed.trade_id]
    assert (later.ts, later.price, later.quantity) == (streamed.ts, streamed.price, streamed.quantity)
    assert later.is_buyer_maker == streamed.is_buyer_maker


def test_trades_are_paged_without_seam_over_several_hours(played: PlayedVenue) -> None:
    async def question(source: CcxtSource) -> tuple[list[PublicTrade], float]:
        end = floor_ms(await source.server_time(), HOUR_MS)
        bars = await source.bars(BTC, "1m", Window(end - 2 * HOUR_MS, end))
        return await source.trades(BTC, Window(end - 2 * HOUR_MS, end)), float(bars.volume.sum())

    trades, volume = ask(played, question)
    assert sum(trade.quantity for trade in trades) == pytest.approx(volume)
    assert [trade.ts for trade in trades] == sorted({trade.ts for trade in trades})


def test_mark_and_index_prices_lie_on_opens_near_the_traded_price_the_running_bar_included(
    played: PlayedVenue,
) -> None:
    async def question(source: CcxtSource) -> tuple[Any, Any, Any]:
        now = await source.server_time()
        span = (BTC, "1h", Window(now - 2 * DAY_MS, now))
        return await source.mark_prices(*span), await source.index_prices(*span), await source.bars(*span)

    marks, indexes, bars = ask(played, question)
    opens = [*bars.ts.tolist(), int(bars.ts[-1]) + HOUR_MS]
    assert [one.ts for one in marks] == [one.ts for one in indexes] == opens
    for mark, index, traded in zip(marks, indexes, [*bars.open.tolist(), bars.close[-1]], strict=True):
        assert mark.price == pytest.approx(traded, rel=0.01)
        assert index.price == pytest.approx(traded, rel=0.01)


def test_book_is_cut_to_the_depth_that_is_asked_for(played: PlayedVenue) -> None:
    book = ask(played, lambda source: source.book(BTC, 7))
    assert (len(book.bids), len(book.asks)) == (7, 7)
    assert book.bids == tuple(sorted(book.bids, reverse=True))
    assert book.asks == tuple(sorted(book.asks))
    assert book.bids[0][0] < book.asks[0][0]


def test_announced_funding_is_on_its_slot(played: PlayedVenue) -> None:
    async def question(source: CcxtSource) -> MarkPrice:
        async for mark in source.watch_marks([BTC]):
            return mark
        raise AssertionError("streams never end")

    mark = ask(played, question)
    assert mark.next_funding_ms is not None
    assert mark.next_funding_ms % (8 * HOUR_MS) == 0
    assert 0 < mark.next_funding_ms - mark.ts <= 8 * HOUR_MS + MINUTE_MS
    assert mark.funding_rate is not None
