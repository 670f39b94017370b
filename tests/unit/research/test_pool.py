"""Threads that lease for a machine's workers: a fault in one is told, and not held against it at once."""

import time
from typing import Any

import pytest
from sqlalchemy import Engine, event

from quant_pipelines.core.errors import QuantError, StoreError
from quant_pipelines.research.drain import WorkPlace
from quant_pipelines.research.pool import LocalCrew
from quant_pipelines.store.engine import connected
from quant_pipelines.store.search_queue import Release, RoundTerms

TERMS = RoundTerms(Release("1", "kernel", "0060"), 4096, 1.0)
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def look_on(engine: Engine) -> None:
    """Look after a crew of two for so long as it goes on."""
    crew = LocalCrew(engine, WorkPlace(NOWHERE, None), 2, pause_seconds=0.01)
    with crew.serve("round", TERMS) as look:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            look()
            time.sleep(0.05)


def fails_with(error: Exception) -> tuple[str, int]:
    """What a crew of two says whose every question fails so, and how often they asked."""
    asked = list[Any]()

    def fail(*connecting: Any) -> None:
        asked.append(connecting)
        raise error

    with connected(NOWHERE, pool_size=2) as engine:
        event.listen(engine, "do_connect", fail)
        with pytest.raises(QuantError) as told:
            look_on(engine)
    return str(told.value), len(asked)


def test_what_nobody_foresaw_ends_the_search_with_its_kind() -> None:
    told = "a worker of this machine could not go on: RuntimeError: no more threads"
    assert fails_with(RuntimeError("no more threads")) == (told, 6)


def test_a_worker_asks_three_times_before_it_gives_up() -> None:
    """As where the database has shut one connection: a whole night on one worker less would be the price."""
    assert fails_with(StoreError("away")) == ("away", 6)
