"""Real history behind the real client: served as recorded, moved in time, never ahead of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq
import pytest
from aiohttp import web

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.simulator.recorded.anchor import keep_recorded_anchor
from quant_pipelines.simulator.recorded.recording import Recording, read_recording
from quant_pipelines.simulator.server import PlayedVenue, Trading, build_application, open_market

pytestmark = pytest.mark.archive

BTC, ETH, LINK, SUI = (f"{base}/USDT:USDT" for base in ("BTC", "ETH", "LINK", "SUI"))
COLUMNS = ("open", "high", "low", "close", "volume")
Answer = TypeVar("Answer")


class Desk:
    """Client and venue on one clock that the test moves."""

    def __init__(self, home: Path, archive: Path, *, ahead_ms: int = 0) -> None:
        self.ahead_ms = ahead_ms
        self.home = home
        self.archive = archive
        self.played: PlayedVenue = open_market(home, seed=None, clock=self.clock, archive=archive)
        self.shift_ms = keep_recorded_anchor(home, self.recording(), seed=None, clock=self.clock).shift_ms

    def clock(self) -> int:
        return system_clock_ms() + self.ahead_ms

    def recording(self) -> Recording:
        return read_recording(self.archive)

    def file(self, name: str, first_ms: int, end_ms: int) -> dict[str, np.ndarray]:
        """Rows of a file of bars by wall time."""
        table = pq.read_table(self.archive / "klines" / "binance_um" / f"{name}.parquet")
        columns = {column: table.column(column).to_numpy() for column in ("ts", *COLUMNS)}
        ts = columns["ts"] + self.shift_ms
        keep = (ts >= first_ms) & (ts < end_ms)
        return {column: values[keep] for column, values in columns.items()} | {"ts": ts[keep]}

    @asynccontextmanager
    async def source(self) -> AsyncIterator[CcxtSource]:
        application = build_application(self.played, clock=self.clock, trading=Trading(self.home))
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            settings = ExchangeSettings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
            async with CcxtSource(settings, clock=self.clock) as source:
                yield source
        finally:
            await runner.cleanup()

    def ask(self, question: Callable[[CcxtSource], Awaitable[Answer]]) -> Answer:
        async def run() -> Answer:
            async with self.source() as source:
                return await question(source)

        return asyncio.run(run())


@pytest.fixture(scope="module")
def desk(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"), archive)


def assert_equal(rows: BarRows, file: dict[str, np.ndarray]) -> None:
    assert len(rows) > 0
    assert np.array_equal(rows.ts, file["ts"])
    for name in COLUMNS:
        assert np.array_equal(getattr(rows, name), file[name]), name


@pytest.mark.parametrize(
    ("symbol", "name", "timeframe", "days"),
    [
        (BTC, "BTCUSDT-1m", "1m", 14),
        (SUI, "SUIUSDT-1m", "1m", 3),
        (BTC, "BTCUSDT-15m", "15m", 200),
        (BTC, "BTCUSDT-1h", "1h", 800),
        ("AVAX/USDT:USDT", "AVAXUSDT-1h", "1h", 1600),
        ("DOGE/USDT:USDT", "DOGEUSDT-1h", "1h", 100),
    ],
)
def test_served_bars_are_the_files_moved_in_time(
    desk: Desk, symbol: str, name: str, timeframe: str, days: int
) -> None:
    step = {"1m": MINUTE_MS, "15m": 15 * MINUTE_MS, "1h": HOUR_MS}[timeframe]
    end = floor_ms(desk.clock(), step)
    rows = desk.ask(lambda source: source.bars(symbol, timeframe, Window(end - days * DAY_MS, end)))
    assert_equal(rows, desk.file(name, end - days * DAY_MS, end))


@pytest.mark.parametrize("symbol", [BTC, ETH, LINK, SUI])
def test_own_hours_equal_the_roll_up_of_the_minutes(desk: Desk, symbol: str) -> None:
    end = floor_ms(desk.clock(), HOUR_MS)

    async def question(source: CcxtSource) -> tuple[BarRows, BarRows]:
        start = end - 10 * DAY_MS
        return await source.bars(symbol, "1m", Window(start, end)), await source.bars(
            symbol, "1h", Window(start, end)
        )

    minutes, hours = desk.ask(question)
    assert len(hours) == 240
    assert np.array_equal(hours.open, minutes.open[::60])
    assert np.array_equal(hours.close, minutes.close[59::60])
    assert np.array_equal(hours.high, minutes.high.reshape(-1, 60).max(axis=1))
    assert np.array_equal(hours.low, minutes.low.reshape(-1, 60).min(axis=1))
    assert hours.volume == pytest.approx(minutes.volume.reshape(-1, 60).sum(axis=1), rel=1e-9)


def test_nothing_of_the_future_is_told(desk: Desk) -> None:
    before = desk.clock()
    later = before + 60 * DAY_MS

    async def question(source: CcxtSource) -> list[int]:
        start = before - 3 * DAY_MS
        bars_of = [
            await source.bars(BTC, timeframe, Window(start, later)) for timeframe in ("1m", "1h", "1d")
        ]
        newest = [int(bars.ts[-1]) for bars in bars_of]
        newest.append((await source.funding_rates(BTC, Window(before - DAY_MS, later)))[-1].ts)
        newest.append((await source.open_interest(BTC, Window(before - DAY_MS, later)))[-1].ts)
        for start in (before - HOUR_MS, before + 2 * MINUTE_MS):
            query = {"symbol": "BTCUSDT", "startTime": start, "endTime": later}
            bars = await source._client.fapiPublicGetKlines(query | {"interval": "1m"})
            paid = await source._client.fapiPublicGetFundingRate(query)
            measured = await source._client.fapiDataGetOpenInterestHist(query | {"period": "5m"})
            newest += [int(row[0]) for row in bars]
            newest += [int(row["fundingTime"]) for row in paid]
            newest += [int(row["timestamp"]) for row in measured]
        return newest

    newest = desk.ask(question)
    assert max(newest) <= desk.clock()
    assert max(newest) >= floor_ms(before, MINUTE_MS)


def test_funding_and_open_interest_are_the_files(desk: Desk) -> None:
    end = desk.clock()

    async def question(source: CcxtSource) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        paid = await source.funding_rates(BTC, Window(end - 60 * DAY_MS, end))
        measured = await source.open_interest(BTC, Window(end - 20 * DAY_MS, end))
        return [(one.ts, one.rate) for one in paid], [(one.ts, one.open_interest) for one in measured]

    paid, measured = desk.ask(question)
    recorded = desk.recording().symbols["BTCUSDT"]
    assert recorded.funding is not None
    assert recorded.open_interest is not None
    funding = dict(
        zip((recorded.funding.ts // HOUR_MS * HOUR_MS).tolist(), recorded.funding.values, strict=True)
    )
    interest = dict(zip(recorded.open_interest.ts.tolist(), recorded.open_interest.values, strict=True))
    assert len(paid) == 180
    assert all(rate == pytest.approx(funding[ts - desk.shift_ms], abs=1e-8) for ts, rate in paid)
    assert len(measured) == 480
    assert all(value == pytest.approx(interest[ts - desk.shift_ms]) for ts, value in measured)


def test_what_the_archive_lacks_is_an_empty_list(desk: Desk) -> None:
    end = desk.clock()

    async def question(source: CcxtSource) -> list[int]:
        raw = await source._client.fapiPublicGetPremiumIndex({"symbol": "LINKUSDT"})
        return [
            len(raw),
            len(await source.funding_rates(SUI, Window(end - 30 * DAY_MS, end))),
            len(await source.open_interest(LINK, Window(end - 20 * DAY_MS, end))),
            len(await source.bars("DOGE/USDT:USDT", "1m", Window(end - DAY_MS, end))),
            len(await source.bars(BTC, "1m", Window(end - 90 * DAY_MS, end - 60 * DAY_MS))),
        ]

    assert desk.ask(question) == [0, 0, 0, 0, 0]


def test_what_has_minutes_is_what_trades(desk: Desk) -> None:
    found = desk.ask(lambda source: source.instruments())
    assert {one.symbol.partition("/")[0] for one in found} == {
        path.name.removesuffix("USDT-1m.parquet")
        for path in (desk.archive / "klines" / "binance_um").glob("*-1m.parquet")
    }
    [btc] = [one for one in found if one.symbol == BTC]
    assert (str(btc.tick_size), str(btc.lot_size)) == ("0.1", "0.001")


def test_streams_play_the_recorded_minute(desk: Desk) -> None:
    async def question(source: CcxtSource) -> None:
        async with asyncio.timeout(15):
            async for bar in source.watch_bars([BTC]):
                recorded = desk.file("BTCUSDT-1m", bar.ts, bar.ts + MINUTE_MS)
                assert recorded["low"][0] <= bar.low <= bar.close <= bar.high <= recorded["high"][0]
                assert bar.open == recorded["open"][0]
                assert bar.volume <= recorded["volume"][0] + 1e-9
                return

    desk.ask(question)


def test_a_market_that_starts_at_23_58_goes_on_after_midnight(archive: Path, tmp_path: Path) -> None:
    now = system_clock_ms()
    start = floor_ms(now, DAY_MS) + 2 * DAY_MS - 2 * MINUTE_MS
    desk = Desk(tmp_path, archive, ahead_ms=start - now)

    async def question(source: CcxtSource) -> tuple[BarRows, BarRows]:
        first = start - 10 * MINUTE_MS
        before = await source.bars(ETH, "1m", Window(first, desk.clock() + DAY_MS))
        desk.ahead_ms += 4 * MINUTE_MS
        return before, await source.bars(ETH, "1m", Window(first, desk.clock() + DAY_MS))

    before, after = desk.ask(question)
    assert (len(before), len(after)) == (10, 14)
    assert_equal(after, desk.file("ETHUSDT-1m", start - 10 * MINUTE_MS, start + 4 * MINUTE_MS))
    reopened = Desk(tmp_path, archive, ahead_ms=desk.ahead_ms)
    assert reopened.shift_ms == desk.shift_ms
