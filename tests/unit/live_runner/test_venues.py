import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.accounts import Permits, refusal
from live_runner.venue.attribution import external_reason
from live_runner.venue.link import VenueLink
from live_runner.venue.links import VenueLinks
from live_runner.venue.place import Seat, VenuePlace
from live_runner.venue.station import Station
from live_runner.venue.wire import Wire
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading.levels import WantedLevel, wanted_level
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.memory_venue import MemoryVenue

AT = datetime(2026, 1, 1, tzinfo=UTC)
PAPER = Deployment(
    7, "s", "", "", "binanceusdm", "BTC/USDT:USDT", "1m", "1m", {}, {}, "paper", Decimal(1), AT, AT, None, 1
)
CANARY = replace(PAPER, stage="canary", venue="binanceusdm")
SIMULATED = replace(Settings(), exchange=ExchangeSettings(base_url="http://127.0.0.1:1"))
REAL = Settings()
REAL_LIVE = replace(REAL, runner=RunnerSettings(mode="live"))

NONE, BOTH = Permits(), Permits(is_approved=True, is_certified=True)


@pytest.mark.parametrize(
    ("deployment", "settings", "permits", "reason"),
    [
        (PAPER, REAL, NONE, ""),
        (CANARY, SIMULATED, NONE, ""),
        (CANARY, REAL_LIVE, BOTH, ""),
        (CANARY, REAL, BOTH, "runner.mode is 'paper'"),
        (CANARY, REAL_LIVE, NONE, "no operator has approved"),
        (CANARY, REAL_LIVE, Permits(is_certified=True), "no operator has approved"),
        (CANARY, REAL_LIVE, Permits(is_approved=True), ""),  # what it holds is covered; see `bar`
        (replace(PAPER, stage="canary"), SIMULATED, BOTH, "expected the account at binanceusdm"),
        (replace(CANARY, stage="paper"), SIMULATED, BOTH, "expected the paper account"),
        (replace(CANARY, venue="bybit"), SIMULATED, BOTH, "expected one at exchange.id = binanceusdm"),
    ],
)
def test_orders_go_only_where_they_may(
    deployment: Deployment, settings: Settings, permits: Permits, reason: str
) -> None:
    found = refusal(deployment, settings, permits)
    assert (found == "") == (reason == "")
    assert reason in found


@pytest.mark.parametrize(
    ("position", "level", "expected"),
    [
        (0, None, None),
        (2, 95.03, WantedLevel("sell", Decimal("95.1"), "hard_stop")),
        (-2, 105.07, WantedLevel("buy", Decimal("105.0"), "hard_stop")),
        (2, 95.0, WantedLevel("sell", Decimal("95.0"), "hard_stop")),
    ],
)
def test_a_stop_lies_on_a_tick_on_the_safe_side(
    position: int, level: float | None, expected: WantedLevel | None
) -> None:
    assert wanted_level(Decimal(position), level, Decimal("0.1"), "hard_stop") == expected


def link() -> VenueLink:
    station = Station(MemoryJournal(), MemoryVenue(), RunnerSettings(), 1, lambda: 0)
    return VenueLink(station)


def test_all_deployments_at_a_symbol_of_an_account_have_one_link() -> None:
    async def scenario() -> None:
        links = VenueLinks(never, nothing)
        first = links.link_for(CANARY, link)
        others = [
            replace(CANARY, id=8, symbol="ETH/USDT:USDT"),
            replace(CANARY, id=9, account_id=2),
            replace(CANARY, id=10),
        ]
        assert [links.link_for(one, link) is first for one in others] == [False, False, True]
        assert [links.is_shared(key) for key in (7, 8, 9, 10)] == [True, False, False, True]
        links.release(10)
        assert not links.is_shared(7)

    asyncio.run(scenario())


async def nothing(_trader: Any, _failure: str) -> None: ...


async def never(_key: str, work: Coroutine[Any, Any, None]) -> str | None:
    work.close()
    return None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("autoclose-1700000000000123", "liquidation"),
        ("adl_autoclose", "adl"),
        ("settlement_autoclose-123", "settlement"),
        ("q1-7-19b7-t", ""),
    ],
)
def test_a_venues_own_order_is_told_by_its_name(name: str, reason: str) -> None:
    assert external_reason(name) == reason


class Talk:
    """As much of a link as is asked: its books, and how often it began."""

    def __init__(self) -> None:
        self.place = VenuePlace(MemoryJournal(), 1)
        self.begun_with: list[set[int]] = []

    def add(self, trader: Any, barred: Any) -> None:
        self.place.seats[trader.plan.deployment.id] = Seat(trader, Wire(print, print), trader, barred)

    def remove(self, deployment_id: int) -> None:
        self.place.seats.pop(deployment_id, None)

    async def run(self) -> None:
        self.begun_with.append(set(self.place.seats))
        await asyncio.Event().wait()


async def working(_key: str, work: Coroutine[Any, Any, None]) -> str | None:
    await work
    return None


def test_the_talk_begins_once_all_books_are_there_that_are_expected() -> None:
    async def scenario() -> None:
        links, talk, others = (
            VenueLinks(working, nothing),
            Talk(),
            [replace(CANARY, id=8), replace(CANARY, id=9)],
        )
        links.expect([CANARY, *others])
        for one in (CANARY, others[0]):
            links.link_for(one, lambda: talk)  # type: ignore[arg-type, return-value] - as much as is asked
            plan = SimpleNamespace(deployment=one)
            trader = SimpleNamespace(key=one.key, plan=plan, rest=lambda: None)
            links.start(trader)  # type: ignore[arg-type] - as much as is asked
            await asyncio.sleep(0)
            assert talk.begun_with == []
        links.release(9)  # it could not be opened
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert talk.begun_with == [{7, 8}]
        await links.drop(7)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert talk.begun_with == [{7, 8}, {8}]
        await links.close()

    asyncio.run(scenario())


def test_a_link_ends_with_the_deployment_that_could_not_be_taken_up() -> None:
    async def scenario() -> None:
        links = VenueLinks(never, nothing)
        first = links.link_for(CANARY, link)
        links.release(CANARY.id)
        assert links.link_for(replace(CANARY, id=10), link) is not first

    asyncio.run(scenario())
