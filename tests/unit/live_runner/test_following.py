"""What operators say takes effect while a history is still loading."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from live_runner.feed.feed import Feed
from live_runner.process.runner import Runner, Surroundings
from live_runner.process.traders import Traders
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.exchange import BarRows, LiveBar
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.journal import Controls
from quant_pipelines.store.trading import Fill, Position
from quant_pipelines.trading.breaker import Trip
from tests.in_process import in_process
from tests.integration.runner.replay import Recording, ReplaySource, ReplayTime, random_bars
from tests.memory_journal import MemoryJournal
from tests.memory_lease import Leases
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, SYMBOL

NOW_MS = to_ms(AT) + 30 * MINUTE_MS
OTHER = "ETH/USDT:USDT"
KNOWN = replace(DEPLOYMENT, stage="paper", created_at=from_ms(NOW_MS))
NEW = replace(KNOWN, id=8, symbol=OTHER, instrument=replace(KNOWN.instrument, symbol=OTHER))
SETTINGS = replace(Settings(), runner=RunnerSettings(deployment_poll_seconds=600.0, heartbeat_seconds=0.02))
RECORDING = Recording({symbol: random_bars(symbol, to_ms(AT), 60, 1) for symbol in (SYMBOL, OTHER)}, {})


class SlowSource(ReplaySource):
    """An exchange that keeps back the history of one symbol until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(RECORDING, ReplayTime(NOW_MS, NOW_MS + 30_000), is_silent=True)
        self.is_asked, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        for symbol in symbols:
            yield LiveBar(symbol, NOW_MS, 100.0, 100.0, 100.0, 100.0, 0.0, NOW_MS)
        await asyncio.Event().wait()

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        if symbol == OTHER:
            self.is_asked.set()
            await self.may_go_on.wait()
        return await super().bars(symbol, timeframe, window)


def flatten(journal: MemoryJournal) -> None:
    journal.write_alert(halt_alert("account", Trip("flattened", "flattened by ann"), AT))


def states(journal: MemoryJournal) -> dict[int, str]:
    """State of each deployment by the newest sign of life."""
    sign = journal.tables.heartbeats.get("live_runner")
    return {} if sign is None else {one["id"]: one["state"] for one in sign.detail["deployments"]}


async def until(holds: Callable[[], Any]) -> None:
    while not holds():  # noqa: ASYNC110 - rows tell nobody
        await asyncio.sleep(0.01)


def test_a_trader_without_its_bars_follows_a_halt_as_the_others_do() -> None:
    async def scenario() -> None:
        source, time = SlowSource(), ReplayTime(NOW_MS, NOW_MS + 30_000)
        journal = MemoryJournal([KNOWN])
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            feed = Feed(source, time)
            traders = Traders(journal, SETTINGS, feed, epoch=epoch, venues=venues, load=in_process)
            await traders.open()
            journal.deployments[NEW.id] = NEW
            refreshing = asyncio.create_task(traders.refresh())
            await source.is_asked.wait()
            flatten(journal)
            await traders.follow()
            await traders.beat()
            assert states(journal) == {KNOWN.id: "HALTED"}
            assert (traders.symbols, traders.streamed) == ([SYMBOL], [SYMBOL, OTHER])
            source.may_go_on.set()
            await refreshing
            await traders.beat()
            assert states(journal) == {KNOWN.id: "HALTED", NEW.id: "HALTED"}

    asyncio.run(asyncio.wait_for(scenario(), 60))


def play(
    journal: MemoryJournal, scenario: Callable[[Leases, SlowSource], Awaitable[None]], **more: Any
) -> None:
    """Play a scenario beside a runner."""

    async def played() -> None:
        source, leases, stopping = SlowSource(), Leases(), asyncio.Event()
        time = more.pop("time", None) or ReplayTime(NOW_MS, NOW_MS + 30_000)
        around = Surroundings(journal, leases.open, SETTINGS, source, time, "test:1", load=in_process, **more)
        running = asyncio.create_task(Runner(around).run(stopping))
        try:
            async with asyncio.timeout(60):
                await scenario(leases, source)
        finally:
            stopping.set()
            await running

    asyncio.run(played())


def test_a_runner_gives_signs_of_life_while_it_takes_up_its_first_deployments() -> None:
    journal = MemoryJournal([NEW])

    async def scenario(_leases: Leases, source: SlowSource) -> None:
        await source.is_asked.wait()
        await until(lambda: journal.tables.heartbeats.get("live_runner"))
        assert states(journal) == {}
        source.may_go_on.set()
        await until(lambda: states(journal) == {NEW.id: "ACTIVE"})

    play(journal, scenario)


def test_an_announced_halt_and_its_end_are_followed_while_a_history_loads() -> None:
    journal = MemoryJournal([KNOWN])

    async def scenario(leases: Leases, source: SlowSource) -> None:
        await until(lambda: states(journal) == {KNOWN.id: "ACTIVE"})
        journal.deployments[NEW.id] = NEW
        leases.announce()
        await source.is_asked.wait()
        flatten(journal)
        leases.announce()
        await until(lambda: states(journal) == {KNOWN.id: "HALTED"})
        journal.resolve("account", AT)
        leases.announce()
        await until(lambda: states(journal) == {KNOWN.id: "ACTIVE"})

    play(journal, scenario)


def test_a_direct_kill_is_followed_while_the_first_histories_load() -> None:
    journal, killed = MemoryJournal([KNOWN, NEW]), list[str]()

    def adopt() -> bool:
        if not killed:
            return False
        killed.clear()
        flatten(journal)
        return True

    async def scenario(_leases: Leases, source: SlowSource) -> None:
        await source.is_asked.wait()
        killed.append("account")
        await until(lambda: states(journal) == {KNOWN.id: "HALTED"})

    play(journal, scenario, adopt_kills=adopt)


def outage_rows(journal: MemoryJournal) -> list[tuple[str, bool]]:
    rows = [(alert.source, resolved_at is None) for alert, resolved_at in journal.tables.alerts]
    return [row for row in rows if row[0].startswith("outage:")]


def test_a_clock_that_is_off_stops_entries_until_the_exchange_agrees_again() -> None:
    journal, time = MemoryJournal([KNOWN]), ReplayTime(NOW_MS, NOW_MS + 30_000)

    async def scenario(_leases: Leases, _source: SlowSource) -> None:
        await until(lambda: states(journal) == {KNOWN.id: "ACTIVE"})
        time.error_ms = -5_000
        await until(lambda: states(journal) == {KNOWN.id: "REDUCING"})
        await until(lambda: outage_rows(journal) == [("outage:clock", True)])
        await until(lambda: journal.tables.heartbeats["live_runner"].state == "WAITING")  # by the next sign
        [deployment] = journal.tables.heartbeats["live_runner"].detail["deployments"]
        assert deployment["reduced_by"] == "our clock was 5.0 s ahead of the exchange's, more than 1 s"
        time.error_ms = 0
        await until(lambda: states(journal) == {KNOWN.id: "ACTIVE"})
        await until(lambda: outage_rows(journal) == [("outage:clock", False)])

    play(journal, scenario, time=time)


@pytest.mark.parametrize(("is_held", "nav"), [(True, None), (False, 1_000.0)])
def test_a_deployment_that_fails_before_its_book_is_open_is_counted_with_what_it_holds(
    is_held: bool, nav: float | None
) -> None:
    broken = replace(NEW, venue="binanceusdm", stage="live")
    journal = MemoryJournal([KNOWN, broken])
    if is_held:
        fill = Fill("1", None, "buy", Decimal(1), Decimal(100), Decimal(0), "target", AT)
        journal.tables.fills["binanceusdm", OTHER, "1"] = (broken.id, fill)

    async def scenario(_leases: Leases, source: SlowSource) -> None:
        source.may_go_on.set()
        await until(lambda: any(alert.severity == "halt" for alert, _ in journal.tables.alerts))
        await until(lambda: states(journal) == {KNOWN.id: "ACTIVE"})
        detail = journal.tables.heartbeats["live_runner"].detail
        assert [(one["id"], one["nav"]) for one in detail["accounts"]] == [(1, nav)]

    def connect(*_: Any) -> Any:
        raise ConfigurationError("this account can't be opened")

    play(journal, scenario, connect=connect)


def test_what_left_its_stage_is_known_while_a_history_loads() -> None:
    async def scenario() -> None:
        source, time = SlowSource(), ReplayTime(NOW_MS, NOW_MS + 30_000)
        journal = MemoryJournal([KNOWN])
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            traders = Traders(
                journal, SETTINGS, Feed(source, time), epoch=epoch, venues=venues, load=in_process
            )
            await traders.open()
            [trader] = traders.all
            journal.deployments[NEW.id] = NEW
            refreshing = asyncio.create_task(traders.refresh())
            await source.is_asked.wait()
            left = replace(KNOWN, stage="culled")
            journal.tables.positions[KNOWN.id, SYMBOL] = Position(Decimal(1), Decimal(100), Decimal(0), None)
            journal.deployments[KNOWN.id] = left
            await traders.follow_stages()
            assert trader.is_leaving
            source.may_go_on.set()
            await refreshing

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_trader_whose_strategy_thinks_is_dropped_without_waiting_for_its_answer() -> None:
    async def scenario() -> None:
        source, time = SlowSource(), ReplayTime(NOW_MS, NOW_MS + 30_000)
        journal = MemoryJournal([KNOWN])
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            traders = Traders(
                journal, SETTINGS, Feed(source, time), epoch=epoch, venues=venues, load=in_process
            )
            await traders.open()
            [trader] = traders.all
            del journal.deployments[KNOWN.id]
            with trader._deciding:  # as while it thinks
                await asyncio.wait_for(traders.refresh(), 20)
                assert traders.all == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_trip_that_happens_while_the_rows_are_read_is_not_undone() -> None:
    journal = TrippingJournal([KNOWN])

    async def scenario() -> None:
        source, time = SlowSource(), ReplayTime(NOW_MS, NOW_MS + 30_000)
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            traders = Traders(
                journal, SETTINGS, Feed(source, time), epoch=epoch, venues=venues, load=in_process
            )
            await traders.open()
            [journal.trader] = traders.all
            await traders.follow()
            assert journal.trader.is_halted
            await traders.follow()
            assert not journal.trader.is_halted  # by then the rows have the last word

    asyncio.run(asyncio.wait_for(scenario(), 60))


class TrippingJournal(MemoryJournal):
    """A journal during whose next reading a trader trips."""

    trader: Any = None

    def read_controls(self) -> Controls:
        controls, trader, self.trader = super().read_controls(), self.trader, self.trader
        if trader is not None and not trader.is_halted and trader.n_trips == 0:
            trader.trip(Trip("failed", "it broke meanwhile"))
        return controls
