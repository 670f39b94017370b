"""Which workers of a cluster are left out of a search: those that fail again and again at nothing done."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.research.cluster import _Drains

FAILED, FAILED_LATER = (0, "", "the database is away"), (1, "", "the database is away")


class Ended:
    """Task that has ended so."""

    status = "finished"

    def __init__(self, drained: tuple[int, str, str]) -> None:
        self._drained = drained

    def done(self) -> bool:
        return True

    def result(self, timeout: float) -> tuple[int, str, str]:
        return self._drained


class Link:
    """A cluster of one worker, whose tasks end one after the other."""

    address = "tcp://somewhere"

    def __init__(self, *ends: tuple[int, str, str]) -> None:
        self.ends: Iterator[tuple[int, str, str]] = iter(ends)

    def workers(self) -> dict[str, int]:
        return {"tcp://worker": 1}

    def submit(self, round_id: str, worker: str) -> Ended:
        return Ended(next(self.ends))


def look_through(*ends: tuple[int, str, str]) -> None:
    """Look until all tasks have ended."""
    link: Any = Link(*ends)
    drains = _Drains(link, "round", 60.0, look_seconds=0.0)
    for _ in range(len(ends)):
        drains.look()
        time.sleep(0.001)


def test_a_worker_that_fails_three_times_before_it_does_a_unit_is_left_out() -> None:
    with pytest.raises(OptimizationError, match="worker tcp://worker is refused: the database is away"):
        look_through(FAILED, FAILED, FAILED, FAILED)


def test_failures_between_which_units_were_done_leave_nobody_out() -> None:
    look_through(*(FAILED, FAILED, FAILED_LATER) * 3, (4, "", ""), FAILED, FAILED)
