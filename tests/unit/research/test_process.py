"""A worker process ends with whoever asks it, and says nothing but answers."""

import select
import signal
import subprocess
import sys
import time

from quant_pipelines.research.process import Worker

STAYS = "import sys, time\nfor _ in sys.stdin: pass\ntime.sleep(30)"
DIES_AMID_AN_ANSWER = """
import os, sys
sys.stdin.readline(), sys.stdin.readline()
os.write(1, b'{"study": [1, 2')
"""
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


def test_a_worker_that_is_killed_is_gone_so_that_nothing_more_is_asked_of_it() -> None:
    for _ in range(10):
        worker = Worker({}, command=(sys.executable, "-c", STAYS))
        worker.kill()
        assert worker.has_ended
        worker.close()


def test_half_an_answer_is_none() -> None:
    """As of a worker that was ended for its time or its lease while it wrote a long one."""
    worker = Worker({}, command=(sys.executable, "-c", DIES_AMID_AN_ANSWER))
    assert worker.run({}, 1.0) is None
    assert worker.end(1.0) == "worker process ended with code 0"


def test_nothing_but_answers_is_in_the_pipe_and_no_child_keeps_it_open() -> None:
    with subprocess.Popen((sys.executable, "-c", LEAVES_A_CHILD), stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        read, _, _ = select.select([worker.stdout], [], [], 60)
        assert read
        assert worker.stdout.read1() == b"answer"  # type: ignore[attr-defined]
        read, _, _ = select.select([worker.stdout], [], [], 10)
        assert read, "the pipe is open, and who reads a line of it waits"
        assert worker.stdout.read1() == b""  # type: ignore[attr-defined]


WORKS_ON = """
import sys, time
from quant_pipelines.research.worker import lines_while_asked
for line in lines_while_asked(sys.stdin):
    print("begun", flush=True)
    time.sleep(60)
"""


def test_a_worker_in_the_midst_of_work_ends_with_who_asked() -> None:
    """As where that was killed: its lease expires, and its lock must not outlive it."""
    with subprocess.Popen(
        (sys.executable, "-c", WORKS_ON), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(b"work\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == b"begun\n"
        worker.stdin.close()
        assert worker.wait(30) == 0
