"""A process that was started, or has loaded a text well, is not started again for the next one."""

import time

from quant_pipelines.sandbox.host import SandboxHost
from tests.unit.sandbox.test_host import BARS, SOUND, TEXT, target_of, tried


def test_the_first_text_is_loaded_by_the_process_that_was_started_ahead_and_decides_from_then_on() -> None:
    with SandboxHost() as host:
        host.warm()
        waiting = host._spares._waiting
        assert waiting is not None
        strategy = tried(host, SOUND)
        assert host.pid == waiting.child.pid
        assert host._spares._waiting is None
        assert target_of(strategy, BARS).tolist() == [0.0, 1.0, -1.0]
        assert host.pid == waiting.child.pid


def test_later_texts_are_loaded_by_one_process_which_is_ended_where_a_text_does_not_load() -> None:
    with SandboxHost() as host:
        tried(host, SOUND)
        others = set[int]()
        for number in range(2):
            host.load("tried", TEXT.format(body=f"{SOUND}  # {number}"))
            waiting = host._spares._waiting
            assert waiting is not None
            others.add(waiting.child.pid)
        assert len(others) == 1
        assert host.pid not in others
        host._spares._idle_seconds = 0.0
        host.load("tried", TEXT.format(body=f"{SOUND}  # 9"))
        time.sleep(0.5)
        assert host._spares._waiting is None
        assert waiting.child.poll() is not None
