"""Entries in parts at a venue: slices in their time, one that shows, and what becomes of those not sent."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.trading.breaker import Trip
from tests.integration.runner.minutes import minutes
from tests.integration.runner.test_chase import TICK, Chase, Quoted, Scenario, SpreadStage
from tests.integration.runner.test_venue_stops import N_KNOWN, deploy_at_venue, random_bars
from tests.integration.runner.venue_world import HOLD, until
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

TWAP = EntrySettings(order="twap", interval_seconds=0.5, seconds=3.0, slices=3)
ICEBERG = EntrySettings(order="iceberg", interval_seconds=0.5, slices=3)
DECIDED = (
    "select (decision ->> 'order_quantity')::numeric, (decision ->> 'slice')::numeric from trading.signals "
    "order by bar_close desc limit 1"
)


@pytest.fixture
def parts(engine: Engine, deploy: Callable[..., int], tmp_path: Path) -> Callable[..., None]:
    """Play a scenario from when a bar with an entry is booked."""

    def played_with(scenario: Scenario, entry: EntrySettings) -> None:
        bars = random_bars(3, N_KNOWN + 4)
        deploy_at_venue(deploy, bars, "", HOLD)

        async def play() -> None:
            options: dict[str, Any] = {"orders": Quoted, "stage_of": SpreadStage, "entry": entry}
            async with minutes(engine, tmp_path, bars, n_known=N_KNOWN, **options) as played:
                await played.pass_bar()
                await played.book_bars()
                await scenario(Chase(engine, tmp_path, played))

        asyncio.run(play())

    return played_with


async def ordered(chased: Chase, *statuses: str) -> None:
    """Wait until there are orders with these statuses, oldest first, and nothing is on its way but rests."""
    await until(lambda: [row[2] for row in chased.orders()] == list(statuses), 20)
    if statuses[-1] == "FILLED":
        await until(chased.played._is_settled, 20)


def test_slices_leave_in_their_time_and_sum_to_what_was_decided(parts: Any) -> None:
    async def scenario(chased: Chase) -> None:
        for n_due in (1, 2, 3):
            await ordered(chased, *["FILLED"] * n_due)
            await asyncio.sleep(0.2)  # its time is the venue's, which stands still
            assert len(chased.orders()) == n_due
            await chased.pass_seconds(1)
        await chased.ends(*["FILLED"] * 3)
        [(decided, first)] = rows(chased.engine, DECIDED)
        sent = [row[3] for row in chased.orders()]
        assert (sum(sent), sent[0], sent[1]) == (decided, first, first)
        assert [row[:2] for row in chased.orders()] == [("target", "market"), *[("remainder", "market")] * 2]

    parts(scenario, TWAP)


def test_one_part_of_an_iceberg_shows_at_a_time(parts: Any) -> None:
    async def scenario(chased: Chase) -> None:
        for n_filled in (0, 1, 2):
            await ordered(chased, *["FILLED"] * n_filled, "ACCEPTED")
            shown = chased.ledger.select(
                "select price, quantity, time_in_force from orders where status = 'NEW'"
            )
            [(price, quantity, kind)] = shown
            assert (Decimal(price), kind) == (chased.stage.last - TICK, "GTX")
            assert Decimal(quantity) == chased.orders()[-1][3]
            chased.stage.move(-2)
            await chased.pass_seconds(1)
        await chased.ends(*["FILLED"] * 3)
        [(decided, first)] = rows(chased.engine, DECIDED)
        sent = [row[3] for row in chased.orders()]
        assert (sum(sent), max(sent)) == (decided, first)

    parts(scenario, ICEBERG)


def test_a_halt_withdraws_the_slices_that_are_not_sent(parts: Any) -> None:
    async def scenario(chased: Chase) -> None:
        await ordered(chased, "FILLED")
        chased.played.trader.trip(Trip("failed", "failed by the test"))
        await chased.pass_seconds(2)
        await asyncio.sleep(1.5)
        await chased.ends("FILLED")

    parts(scenario, TWAP)


def test_what_a_killed_process_has_not_sent_is_decided_on_anew(parts: Any) -> None:
    async def scenario(chased: Chase) -> None:
        await ordered(chased, "FILLED")
        dead = chased.played.venue
        assert isinstance(dead, Quoted)
        dead.is_dead = True
        chased.played.open()
        chased.played.begin_to_talk()
        await chased.pass_seconds(3)
        await asyncio.sleep(1.5)
        await ordered(chased, "FILLED")
        await chased.played.pass_bar()
        chased.played.wake()
        await chased.played.settle()
        await chased.played.book_bars()
        await until(lambda: len(chased.orders()) > 1, 20)
        assert chased.orders()[1][0] == "target"
        await dead.close()

    parts(scenario, TWAP)
