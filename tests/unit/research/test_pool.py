"""A search ends at its time: what is running goes on, nothing more is begun."""

from collections.abc import Iterator
from itertools import count
from queue import SimpleQueue
from typing import Any

import pytest

from quant_pipelines.research.pool import begun_before


class Item:
    """Piece of work that takes ten seconds of the clock beside it."""

    job = "job"


def ten_seconds_each() -> Iterator[float]:
    return count(0.0, 10.0)


@pytest.mark.parametrize(
    ("seconds", "begun"), [(0.0, 0), (0.1, 1), (10.0, 1), (10.1, 2), (25.0, 3), (99.0, 4)]
)
def test_nothing_is_begun_once_the_time_is_over(seconds: float, begun: int) -> None:
    work: Any = SimpleQueue()
    for _ in range(4):
        work.put(Item())
    told: list[Any] = []
    clock = ten_seconds_each()
    handed_out = [*begun_before(seconds, work, told.append, lambda: next(clock))]
    assert (len(handed_out), len(told), work.qsize()) == (begun, begun, 4 - begun)
