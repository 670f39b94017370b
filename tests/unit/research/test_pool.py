"""A search ends at its time: what is running goes on, nothing more is begun."""

import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from queue import SimpleQueue
from typing import Any

import pytest

from quant_pipelines.research.pool import Worker, begun_before


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


STAYS = "import sys, time\nfor _ in sys.stdin: pass\ntime.sleep(30)"
LEAVES_A_CHILD = """
import os, subprocess
from quant_pipelines.research.worker import own_answers
answers = own_answers()
os.write(1, b"what a library prints")
subprocess.Popen(("sleep", "20"))
answers.write("answer")
answers.flush()
os._exit(0)
"""


def test_a_worker_that_does_not_go_is_ended() -> None:
    worker = Worker({}, command=(sys.executable, "-c", STAYS))
    began = time.monotonic()
    assert worker.close(grace_seconds=0.5) == -signal.SIGKILL
    assert time.monotonic() - began < 20


def test_nothing_but_answers_is_in_the_pipe_and_no_child_keeps_it_open() -> None:
    with subprocess.Popen((sys.executable, "-c", LEAVES_A_CHILD), stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        read, _, _ = select.select([worker.stdout], [], [], 60)
        assert read
        assert worker.stdout.read1() == b"answer"  # type: ignore[attr-defined]
        read, _, _ = select.select([worker.stdout], [], [], 10)
        assert read, "the pipe is open, and who reads a line of it waits"
        assert worker.stdout.read1() == b""  # type: ignore[attr-defined]
