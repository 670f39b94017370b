"""What every ``MarketSource`` must do, over the real client and the simulator as a process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from aiohttp import web

from live_runner.feed.feed import Feed
from live_runner.ports.market_time import ExchangeTime
from quant_pipelines.core.bars import COLUMNS, bars_from_columns
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import DEFAULT_SYMBOLS, ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms, timeframe_ms
from quant_pipelines.exchange import BarRows, CcxtSource
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.marketdata.checks.mismatch import find_mismatches
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES
from quant_pipelines.marketdata.rollup import roll_up

BTC = "BTC/USDT:USDT"
Answer = TypeVar("Answer")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def venue_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("venue")
    command = [sys.executable, "-P", "-m", "quant_pipelines.simulator", "--port", "0", "--home", str(home)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens on http://127.0.0.1:" in line
        yield line.split()[3]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def ask(url: str, question: Callable[[CcxtSource], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with CcxtSource(ExchangeSettings(base_url=url), backoff=Backoff(attempts=2)) as source:
            return await question(source)

    return asyncio.run(run())


def test_instruments_are_the_trading_perpetuals(venue_url: str) -> None:
    instruments = ask(venue_url, lambda source: source.instruments())
    assert {instrument.symbol for instrument in instruments} == set(DEFAULT_SYMBOLS)
    btc = next(instrument for instrument in instruments if instrument.symbol == BTC)
    assert (str(btc.tick_size), str(btc.lot_size), str(btc.min_notional)) == ("0.1", "0.001", "100")
    assert (str(btc.taker_fee), btc.funding_interval_hours) == ("0.0005", 8)
    assert {one.symbol for one in instruments if one.funding_interval_hours == 4} == {"DOGE/USDT:USDT"}


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
def test_bars_are_closed_bars_only(venue_url: str, timeframe: str) -> None:
    async def question(source: CcxtSource) -> tuple[np.ndarray, int]:
        before = await source.server_time()
        rows = await source.bars(BTC, timeframe, Window(before - DAY_MS, before + DAY_MS))
        return rows.ts, await source.server_time()

    ts, after = ask(venue_url, question)
    step = {"1m": MINUTE_MS, "1h": HOUR_MS}[timeframe]
    assert ts[-1] + step <= after
    assert ts[-1] + 2 * step > after - 5000
    assert np.all(np.diff(ts) == step)


def test_a_long_span_is_paged_without_seam(venue_url: str) -> None:
    async def question(source: CcxtSource) -> tuple[BarRows, BarRows, int]:
        end = await source.server_time() // DAY_MS * DAY_MS
        minutes = await source.bars(BTC, "1m", Window(end - 3 * DAY_MS, end))
        hours = await source.bars(BTC, "1h", Window(end - 3 * DAY_MS, end))
        return minutes, hours, end

    minutes, hours, end = ask(venue_url, question)
    assert len(minutes) == 3 * 1440
    assert minutes.ts[0] == end - 3 * DAY_MS
    assert np.array_equal(minutes.high.reshape(-1, 60).max(axis=1), hours.high)
    assert np.allclose(minutes.quote_volume.reshape(-1, 60).sum(axis=1), hours.quote_volume, rtol=1e-6)
    assert np.array_equal(minutes.trades.reshape(-1, 60).sum(axis=1), hours.trades)
    columns = {name: getattr(minutes, name) for name in ("ts", *COLUMNS)}
    bars_from_columns(BTC, "1m", columns).validated()


@pytest.mark.parametrize("symbol", [BTC, "DOGE/USDT:USDT"])
def test_own_long_bars_equal_the_roll_ups_of_the_minutes(venue_url: str, symbol: str) -> None:
    async def question(source: CcxtSource) -> dict[str, BarRows]:
        end = await source.server_time() // DAY_MS * DAY_MS
        names = ("1m", *OWN_TIMEFRAMES)
        return {name: await source.bars(symbol, name, Window(end - 3 * DAY_MS, end)) for name in names}

    told = ask(venue_url, question)
    for timeframe in OWN_TIMEFRAMES:
        rolled = roll_up(told["1m"], timeframe)
        assert len(rolled) == len(told[timeframe]) == 3 * DAY_MS // timeframe_ms(timeframe)
        assert find_mismatches(rolled, told[timeframe]) == {}


def test_a_span_in_the_future_or_before_the_listing_is_empty(venue_url: str) -> None:
    async def question(source: CcxtSource) -> tuple[int, int]:
        now = await source.server_time()
        future = await source.bars(BTC, "1m", Window(now, now + DAY_MS))
        return len(future), len(await source.bars(BTC, "1d", Window(0, 10 * DAY_MS)))

    assert ask(venue_url, question) == (0, 0)


def test_funding_lies_on_its_slots(venue_url: str) -> None:
    async def question(source: CcxtSource) -> list[list[int]]:
        end = await source.server_time() // DAY_MS * DAY_MS
        spans = [
            await source.funding_rates(name, Window(end - DAY_MS, end)) for name in (BTC, "DOGE/USDT:USDT")
        ]
        assert all(rate.mark_price and abs(rate.rate) < 0.01 for span in spans for rate in span)
        return [[rate.ts - (end - DAY_MS) for rate in span] for span in spans]

    every_8, every_4 = ask(venue_url, question)
    assert every_8 == [0, 8 * HOUR_MS, 16 * HOUR_MS]
    assert every_4 == [slot * HOUR_MS for slot in range(0, 24, 4)]


@pytest.mark.parametrize("kind", ["mark", "index"])
def test_a_price_is_told_while_the_bar_that_it_opens_is_running(venue_url: str, kind: str) -> None:
    async def question(source: CcxtSource) -> tuple[int, list[int]]:
        fetch = source.mark_prices if kind == "mark" else source.index_prices
        hour = await source.server_time() // HOUR_MS * HOUR_MS
        return hour, [point.ts for point in await fetch(BTC, "1h", Window(hour, hour + 1))]

    hour, told = ask(venue_url, question)
    assert told == [hour]


def test_the_runner_is_told_what_a_decision_at_the_hour_reads(venue_url: str) -> None:
    names = ("open_interest", "index_close", "mark_close")

    async def question(source: CcxtSource) -> dict[str, list[tuple[int, float]]]:
        time = ExchangeTime()
        time.synchronize(await source.server_time())
        hour = floor_ms(time.now_ms(), HOUR_MS)
        feed = Feed(source, time)
        asked = {name: hour - (5 * MINUTE_MS if name == "open_interest" else 0) for name in names}
        told = {name: await feed.points(BTC, name, ts_ms, "1h") for name, ts_ms in asked.items()}
        assert {name: [ts for ts, _ in points] for name, points in told.items()} == {
            name: [ts_ms] for name, ts_ms in asked.items()
        }
        return told

    told = ask(venue_url, question)
    assert all(value > 0 for points in told.values() for _, value in points)
    assert abs(told["mark_close"][0][1] / told["index_close"][0][1] - 1.0) < 0.01


def test_open_interest_reaches_back_as_far_as_the_exchange_keeps_it(venue_url: str) -> None:
    async def question(source: CcxtSource) -> tuple[np.ndarray, int]:
        now = await source.server_time()
        rows = await source.open_interest(BTC, Window(now - 90 * DAY_MS, now))
        assert all(row.open_interest > 0 for row in rows)
        return np.array([row.ts for row in rows]), now

    ts, now = ask(venue_url, question)
    assert np.all(np.diff(ts) == 5 * MINUTE_MS)
    assert 29 * DAY_MS < now - ts[0] <= 30 * DAY_MS


def test_live_bars_arrive_for_every_symbol(venue_url: str) -> None:
    symbols = [BTC, "SOL/USDT:USDT"]

    async def question(source: CcxtSource) -> dict[str, int]:
        ages: dict[str, int] = {}
        async with asyncio.timeout(20):
            async for bar in source.watch_bars(symbols):
                assert bar.low <= bar.close <= bar.high
                assert bar.ts % MINUTE_MS == 0
                ages[bar.symbol] = bar.received_ms - bar.ts
                if len(ages) == len(symbols):
                    return ages
        raise AssertionError("unreachable")

    ages = ask(venue_url, question)
    assert all(0 <= age <= MINUTE_MS + 2000 for age in ages.values())


def test_an_unknown_symbol_is_named_with_its_neighbor(venue_url: str) -> None:
    with pytest.raises(ExchangeRefused, match=r"unknown symbol 'BTX/USDT:USDT'; did you mean"):
        ask(venue_url, lambda source: source.bars("BTX/USDT:USDT", "1m", Window(0, 1)))


def test_an_absent_exchange_is_unavailable() -> None:
    with pytest.raises(ExchangeUnavailable, match="did not answer server time"):
        ask("http://127.0.0.1:9", lambda source: source.server_time())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"serverTime": 17'),
        (200, ""),
        (502, "<html>bad gateway</html>"),
        (503, '{"code":-1000,"msg":"?"}'),
    ],
)
def test_a_broken_answer_is_asked_for_again(status: int, body: str) -> None:
    asked = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            return web.Response(status=status, text=body, content_type="application/json")
        return web.json_response({"serverTime": 42})

    async def run() -> int:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            backoff = Backoff(attempts=2, first_seconds=0.01)
            async with CcxtSource(ExchangeSettings(base_url=url), backoff=backoff) as source:
                return await source.server_time()
        finally:
            await runner.cleanup()

    assert asyncio.run(run()) == 42
    assert asked == 2
