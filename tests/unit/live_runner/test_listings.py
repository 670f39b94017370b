"""States of contracts as the runner follows them: what can't be read stops nothing and ends nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from live_runner.process.listings import Listings
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.exchange import MarketSource
from tests.memory_journal import MemoryJournal

BTC = "BTC/USDT:USDT"
USUAL = ContractState(BTC, "TRADING", True, "USDT", True, None)


class Time:
    def now_ms(self) -> int:
        return 1_767_225_600_000


class Source:
    """Answers with what a test sets; an error is raised."""

    def __init__(self) -> None:
        self.answer: dict[str, ContractState] | Exception = {BTC: USUAL}

    async def contract_states(self, _symbols: Sequence[str]) -> dict[str, ContractState]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def standing(journal: MemoryJournal) -> list[str]:
    """Messages of alerts that are not over."""
    return [alert.message for alert, resolved_at in journal.tables.alerts if resolved_at is None]


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def listings(source: Source, journal: MemoryJournal) -> Listings:
    return Listings(cast(MarketSource, source), journal, cast(Any, Time()), 24.0)


@pytest.mark.parametrize("error", [ExchangeUnavailable("away"), TypeError("no such field")])
def test_a_contract_that_can_not_be_read_is_not_stopped(
    error: Exception, source: Source, listings: Listings
) -> None:
    source.answer = error
    asyncio.run(listings.know([BTC]))
    assert listings.trip(BTC) is None


def test_a_contract_that_is_not_listed_is_stopped(source: Source, listings: Listings) -> None:
    source.answer = {}
    asyncio.run(listings.know([BTC]))
    trip = listings.trip(BTC)
    assert trip is not None
    assert (trip.event, trip.reason[:27]) == ("not_tradable", "BTC/USDT:USDT is not listed")


def test_what_is_known_stays_while_it_can_not_be_read(source: Source, listings: Listings) -> None:
    async def scenario() -> None:
        source.answer = {BTC: USUAL._replace(word="SETTLING")}
        await listings.know([BTC])
        source.answer = ExchangeUnavailable("away")
        with pytest.raises(ExchangeUnavailable):
            await listings.read_states([BTC])

    asyncio.run(scenario())
    trip = listings.trip(BTC)
    assert trip is not None
    assert trip.event == "delisting"


def test_an_alert_stands_as_long_as_the_contract_is_stopped(
    source: Source, journal: MemoryJournal, listings: Listings
) -> None:
    async def scenario() -> None:
        changed = asyncio.Event()

        async def on_change() -> None:
            changed.set()

        source.answer = {BTC: USUAL._replace(word="HALT", is_trading=False)}
        running = asyncio.create_task(listings.run(lambda: [BTC], on_change))
        async with asyncio.timeout(5):
            await changed.wait()
            assert standing(journal) == [f"{BTC} has status HALT; expected TRADING"]
            changed.clear()
            source.answer = {BTC: USUAL}
            await listings.read_states([BTC])
            await changed.wait()
        assert standing(journal) == []
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
