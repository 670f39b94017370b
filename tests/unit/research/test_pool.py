"""Threads that lease for a machine's workers: what goes wrong in one is told, and held against none for long."""

import time
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, event

from quant_pipelines.core.errors import OptimizationError, StoreError
from quant_pipelines.research.drain import WorkPlace
from quant_pipelines.research.pool import LocalCrew
from quant_pipelines.store.search_queue import Release, RoundTerms

TERMS = RoundTerms(Release("1", "kernel", "0060"), 4096, 1.0)
NOWHERE = WorkPlace("postgresql://nobody@127.0.0.1:1/none", None)


def fails_with(error: Exception) -> tuple[str, int]:
    """What a crew of two says whose every question fails so, and how often they asked."""
    engine, asked = create_engine("sqlite://", poolclass=NullPool), list[Any]()

    def fail(*statement: Any) -> None:
        asked.append(statement)
        raise error

    event.listen(engine, "before_cursor_execute", fail)
    with (
        pytest.raises((StoreError, OptimizationError)) as told,
        LocalCrew(engine, NOWHERE, 2, pause_seconds=0.01).serve("round", TERMS) as look,
    ):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            look()
            time.sleep(0.05)
    engine.dispose()
    return str(told.value), len(asked)


def test_what_nobody_foresaw_ends_the_search_with_its_kind() -> None:
    assert fails_with(RuntimeError("no more threads")) == (
        "a worker of this machine could not go on: RuntimeError: no more threads",
        6,
    )


def test_a_worker_asks_three_times_before_it_gives_up() -> None:
    """As where the database has shut one connection: a whole night on one worker less would be the price."""
    assert fails_with(StoreError("away")) == ("away", 6)
