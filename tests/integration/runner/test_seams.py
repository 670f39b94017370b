"""Where pieces of the runner meet: books that come one after another at a restart."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.sdk.strategy import Strategy
from tests.in_process import in_process
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.test_books_at_one_place import (
    assert_books_sum_to_the_venues,
    deploy_two,
    halted,
    is_settled,
)
from tests.integration.runner.venue_world import HOLD, Ledger, runner, until, waits_for

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
OTHER = HOLD.replace("class Hold", "class Other")


def late(name: str, source: str) -> type[Strategy]:
    """Load one of two texts as slowly as a compiler may be."""
    if "class Other" in source:
        time.sleep(4.0)
    return in_process(name, source)


def test_a_book_that_opens_late_at_a_restart_is_not_missed_by_the_other_one(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_two(deploy, engine, OTHER)
    ledger = Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
        async with runner(engine, database_url, stage, load=late):
            await asyncio.sleep(8.0)
            await until(lambda: "(None,)" in waits_for(engine) or "('',)" in waits_for(engine))

    play(tmp_path, scenario)
    assert halted(engine) == []
    assert is_settled(engine, ledger)
    assert_books_sum_to_the_venues(engine, ledger)
