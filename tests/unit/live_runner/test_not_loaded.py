"""A strategy that can't be loaded is halted once; at later starts it keeps nobody waiting."""

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from live_runner.feed.feed import Feed
from live_runner.process.traders import Traders
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import StrategyError, StrategyMissed
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.trading import Fill
from tests.in_process import in_process
from tests.integration.runner.replay import ReplayTime
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_following import KNOWN, NEW, NOW_MS, SETTINGS, SlowSource
from tests.unit.live_runner.test_races import AT

BROKEN = replace(KNOWN, source="this is no Python")
HOLDING = f"{KNOWN.source}\n"
"""The same as another text."""
BOUGHT = Fill("1", None, "buy", Decimal(1), Decimal(100), Decimal(0), "target", AT)


class Start:
    """One life of a runner's traders; notes which texts were loaded, in their order."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.loaded: list[str] = []
        self.traded: list[int] = []
        asyncio.run(asyncio.wait_for(self._live(), 60))

    def _load(self, name: str, source: str) -> type[Strategy]:
        self.loaded.append("broken" if source == BROKEN.source else "sound")
        return in_process(name, source)

    async def _live(self) -> None:
        source, epoch = SlowSource(), self._journal.open_epoch("test:1", AT)
        source.may_go_on.set()
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            feed = Feed(source, ReplayTime(NOW_MS, NOW_MS + 30_000))
            traders = Traders(self._journal, SETTINGS, feed, epoch=epoch, venues=venues, load=self._load)
            await traders.open()
            self.traded = [trader.plan.deployment.id for trader in traders.all]
            await traders.close()


def halts_of(journal: MemoryJournal) -> list[Alert]:
    alerts = [alert for alert, _ in journal.tables.alerts if alert.severity == "halt"]
    return [alert for alert in alerts if alert.source == BROKEN.key]


def test_what_holds_nothing_is_not_tried_again_before_a_person_lets_it_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = MemoryJournal([BROKEN, NEW])
    starts = [Start(journal) for _ in range(3)]
    assert [start.loaded for start in starts] == [["broken", "sound"], ["sound"], ["sound"]]
    assert [start.traded for start in starts] == [[NEW.id]] * 3
    ((halt,), said) = halts_of(journal), [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert halt.detail == {"event": "not_loaded"}
    assert halt.message.startswith("NotLoaded: strategy hold: syntax error")
    assert [(one.message, one.exc_info) for one in said] == [
        ("halted", False),
        *[("not tried again: its strategy did not load", None)] * 2,
    ]
    journal.tables.alerts[:] = [one._replace(resolved_at=AT) for one in journal.tables.alerts]
    assert Start(journal).loaded == ["broken", "sound"]


def test_what_holds_something_is_tried_at_each_start_behind_all_others() -> None:
    journal = MemoryJournal([BROKEN, NEW])
    journal.tables.fills["paper", BROKEN.symbol, "1"] = (BROKEN.id, BOUGHT)
    starts = [Start(journal) for _ in range(3)]
    assert [start.loaded for start in starts] == [["broken", "sound"], *[["sound", "broken"]] * 2]
    assert len(halts_of(journal)) == 1


class Crowded:
    """Loads nothing of a text so many times, as where the machine has no time for it."""

    def __init__(self, n_misses: int) -> None:
        self.left = n_misses

    def load(self, name: str, source: str) -> type[Strategy]:
        if source == KNOWN.source and self.left:
            self.left -= 1
            raise StrategyMissed("the strategy did not answer in 10 s")
        return in_process(name, source)


async def refreshed(journal: MemoryJournal, crowded: Crowded, times: int) -> list[list[int]]:
    """What is traded after each look at what is deployed."""
    source, epoch = SlowSource(), journal.open_epoch("test:1", AT)
    source.may_go_on.set()
    async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
        feed = Feed(source, ReplayTime(NOW_MS, NOW_MS + 30_000))
        traders = Traders(journal, SETTINGS, feed, epoch=epoch, venues=venues, load=crowded.load)
        await traders.open()
        traded = [[trader.plan.deployment.id for trader in traders.all]]
        for _ in range(times - 1):
            await traders.refresh()
            traded.append([trader.plan.deployment.id for trader in traders.all])
        await traders.close()
    return traded


def test_a_text_that_a_crowded_machine_could_not_load_in_time_is_tried_again_behind_all_others() -> None:
    journal = MemoryJournal([replace(KNOWN, id=3), replace(NEW, source=HOLDING)])
    traded = asyncio.run(refreshed(journal, Crowded(2), 3))
    assert traded == [[NEW.id], [NEW.id], [NEW.id, 3]]
    assert journal.tables.alerts == []


def test_a_text_that_never_answers_is_left_to_a_person() -> None:
    journal = MemoryJournal([replace(KNOWN, id=3)])
    crowded = Crowded(9)
    assert asyncio.run(refreshed(journal, crowded, 6)) == [[]] * 6
    (halt,) = [alert for alert, _ in journal.tables.alerts if alert.severity == "halt"]
    assert halt.detail == {"event": "not_loaded"}
    assert halt.message == "NotLoaded: the strategy did not answer in 10 s"
    assert crowded.left == 6


def test_a_version_that_loads_is_taken_up_whatever_became_of_the_one_before() -> None:
    journal = MemoryJournal([BROKEN])
    assert Start(journal).traded == []
    journal.deployments[9] = replace(KNOWN, id=9)
    assert Start(journal).traded == [9]


def test_another_failure_than_of_its_text_halts_as_what_is_not_understood(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(MemoryJournal):
        def read_permits(self, deployment: Deployment, _version: str) -> Permits:
            raise StrategyError("no permits") if deployment.id == NEW.id else ZeroDivisionError

    journal = Failing([KNOWN, NEW])
    Start(journal)
    events = [alert.detail["event"] for alert, _ in journal.tables.alerts if alert.severity == "halt"]
    assert events == ["failed", "failed"]
    traces = [bool(one.exc_info) for one in caplog.records if one.message == "halted"]
    assert traces == [True, False], "only what nobody foresaw is traced"
