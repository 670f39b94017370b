"""A decision that the venue's absence prevented is taken by its age, or dropped, and that is said."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.store.outages import wait_of
from quant_pipelines.trading.funding_pause import FundingPause
from tests.integration.runner.minutes import Minutes
from tests.integration.runner.test_venue_stops import N_KNOWN, deploy_at_venue, play, random_bars
from tests.integration.runner.venue_world import HOLD, assert_books_equal, our_fills
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
SECOND_MS = 1000


def away_at_the_close(
    engine: Engine, deploy: Deploy, home: Path, back_after_ms: int, *, then: Callable[[Minutes, int], Any]
) -> int:
    """Close a bar while the venue is away, and let it come back; returns the deployment."""
    bars = random_bars(3, N_KNOWN + 8)
    key = deploy_at_venue(deploy, bars, "", HOLD)

    async def scenario(played: Minutes) -> None:
        await played.lose_the_venue()
        await played.pass_bar()
        await played.book_bars()
        close_ms = played.trader.booked_until_ms
        standing = "select source, message, at from ops.alerts where resolved_at is null"
        close = from_ms(close_ms)
        said = f"no decision on the bar that closed at {close:%Y-%m-%d %H:%M:%S} UTC: the venue is away"
        assert rows(engine, standing) == [(wait_of(f"deployment:{key}"), said, close)]
        played.clock.set(close_ms + back_after_ms)
        await played.talk()
        await asyncio.to_thread(played.trader.decide_late, played.clock(), 0.0)
        await then(played, close_ms)

    play(engine, home, bars, scenario)
    return key


def test_venue_that_is_back_19_seconds_into_the_minute_still_gets_the_order(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    async def then(played: Minutes, close_ms: int) -> None:
        await played.settle()
        [(bar_close, decision)] = rows(engine, "select bar_close, decision from trading.signals")
        assert bar_close == from_ms(close_ms)
        assert (round(decision["late_seconds"], -1), decision["waited_for"]) == (20, "the venue is away")
        assert rows(engine, "select bar_close from trading.intents where purpose = 'target'") == [
            (bar_close,)
        ]
        assert len(our_fills(engine)) == 1
        assert rows(engine, "select 1 from ops.alerts where resolved_at is null") == []
        await asyncio.to_thread(played.trader.decide_late, played.clock(), 0.0)
        assert rows(engine, "select count(*) from trading.signals") == [(1,)]
        await played.die()  # a restart takes the late decision over from the rows
        played.open()
        await played.talk()
        assert len(our_fills(engine)) == 1
        assert_books_equal(engine, played.ledger)

    away_at_the_close(engine, deploy, tmp_path, 19 * SECOND_MS, then=then)


def test_venue_that_is_back_after_the_next_close_gets_no_order_of_the_bar_before(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    async def then(played: Minutes, _close_ms: int) -> None:
        assert rows(engine, "select 1 from trading.signals") == []
        assert our_fills(engine) == []

    key = away_at_the_close(engine, deploy, tmp_path, MINUTE_MS + 5 * SECOND_MS, then=then)
    [(message,)] = rows(engine, f"select message from ops.alerts where source = 'deployment:{key}'")  # noqa: S608
    assert message.endswith("the venue is away; dropped 65 s after its close, when it was too old")


def test_a_decision_by_a_funding_slot_waits_for_its_end_and_says_so(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = random_bars(3, N_KNOWN + 8)
    deploy_at_venue(deploy, bars, "", HOLD)

    async def scenario(played: Minutes) -> None:
        played.trader.pause = FundingPause(interval_hours=8, seconds=7_200.0)
        await played.pass_bar()
        await played.book_bars()
        await asyncio.to_thread(played.trader.decide_late, played.clock(), 0.0)
        assert rows(engine, "select 1 from trading.signals") == []
        played.trader.pause = FundingPause()
        await asyncio.to_thread(played.trader.decide_late, played.clock(), 0.0)
        await played.settle()
        [(decision,)] = rows(engine, "select decision from trading.signals")
        assert decision["waited_for"] == "a funding slot at 00:00 UTC is less than 7200 s away"
        assert len(our_fills(engine)) == 1

    play(engine, tmp_path, bars, scenario)
