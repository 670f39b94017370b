"""The supervisor on small processes of our own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.stack.process import Command
from quant_pipelines.stack.pulse import Beat, Pulse, read_beat
from quant_pipelines.stack.service import Service, always_ready
from quant_pipelines.stack.supervisor import Patience, Supervisor, restart_pause

SLEEP = "import time; time.sleep(60)"


class Stage:
    """Services that write what happens to them into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.states: list[list[dict[str, Any]]] = []

    def service(self, name: str, code: str, *, is_step: bool = False, **options: Any) -> Service:
        command = Command(name, (sys.executable, "-c", code), self.folder / f"{name}.log")
        ready = None if is_step else options.pop("is_ready", always_ready)
        return Service(name, lambda: command, is_ready=ready, **options)

    def run(self, *services: Service, patience: Patience = Patience(0.01)) -> None:  # noqa: B008
        """Run until every service is ready, then stop by a signal."""
        Supervisor(
            services,
            announce=self.lines.append,
            on_change=self.states.append,
            on_all_ready=lambda: os.kill(os.getpid(), signal.SIGTERM),
            patience=patience,
        ).run()

    def beating(self, then: str, uncovered: list[int]) -> tuple[str, Path]:
        """Code of a service that shows its pulse once, the first time it runs, and what it writes."""
        pulse, again = self.folder / "pulse", self.folder / "again"
        code = (
            "import json, os, signal, time\n"
            f"is_again = os.path.exists({str(again)!r}); open({str(again)!r}, 'a').write('x')\n"
            f"told = {{'pid': os.getpid(), 'number': 1, 'uncovered': {uncovered}}}\n"
            f"if not is_again:\n    open({str(pulse)!r}, 'w').write(json.dumps(told))\n    {then}\n"
            "time.sleep(60)"
        )
        return code, pulse

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_service_starts_after_what_it_needs_is_done(stage: Stage) -> None:
    done = stage.folder / "done"
    look = f"import os; print(os.path.exists({str(done)!r}), flush=True); {SLEEP}"
    needs = stage.service("needs", look, after=("step",), is_ready=lambda: bool(stage.log("needs")))
    step = stage.service("step", f"import time; time.sleep(0.3); open({str(done)!r}, 'w')", is_step=True)
    stage.run(needs, step)
    assert stage.log("needs") == "True\n"


def test_stop_ends_every_process_wave_by_wave(stage: Stage) -> None:
    say = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *a: (print(time.monotonic(), flush=True), sys.exit(0)))\n"
        "print('up', flush=True); time.sleep(60)"
    )
    names = ("second", "first")
    services = [
        stage.service(
            name,
            say,
            is_ready=lambda name=name: (stage.folder / f"{name}.log").read_text().startswith("up"),
            stop_wave=names[::-1].index(name),
        )
        for name in names
    ]
    stage.run(*services)
    ended = {name: float(stage.log(name).split()[1]) for name in names}
    assert ended["first"] < ended["second"]
    assert [service["state"] for service in stage.states[-1]] == ["stopped", "stopped"]


def test_failed_step_stops_everything_with_its_last_line(stage: Stage) -> None:
    other = stage.service("other", SLEEP)
    fails = "import sys; sys.exit('the database is newer than this code')"
    step = stage.service("step", fails, is_step=True)
    with pytest.raises(ConfigurationError, match=r"^the database is newer than this code$"):
        stage.run(other, step)
    assert stage.states[-1][0]["state"] == "stopped"


def test_service_that_never_becomes_ready_is_given_up_with_its_last_line(stage: Stage) -> None:
    broken = stage.service("broken", "import sys; sys.exit('no such module')", is_ready=lambda: False)
    with pytest.raises(ConfigurationError, match=r"broken does not start; .* ends: no such module"):
        stage.run(broken)


def test_dead_service_is_started_again_after_its_step(stage: Stage) -> None:
    trace = stage.folder / "trace"
    note = f"open({str(trace)!r}, 'a').write"
    step = stage.service("step", f"{note}('step ')", is_step=True)
    service = stage.service(
        "service",
        f"import time; {note}('run '); again = open({str(trace)!r}).read().count('run') == 2\n"
        "if again: time.sleep(60)",
        after=("step",),
        repeat=("step",),
        is_ready=lambda: trace.read_text().count("run") == 2,
    )
    stage.run(step, service)
    assert trace.read_text() == "step run step run "
    assert any("ended with exit code 0; starts again in" in line for line in stage.lines)


def test_service_whose_pulse_stands_still_is_ended_and_started_again(stage: Stage) -> None:
    code, pulse = stage.beating("os.kill(os.getpid(), signal.SIGSTOP)", [])
    ran = stage.folder / "again"
    is_ready = {"is_ready": lambda: ran.exists() and ran.read_text() == "xx"}
    stage.run(stage.service("hung", code, pulse=pulse, **is_ready), patience=Patience(0.01, 0.3))
    assert [line.split(" ", 1)[1].strip() for line in stage.lines[:1]] == ["hangs for 0 s; it is ended"]
    assert "ended with signal SIGKILL; starts again" in stage.lines[1]


def test_service_that_dies_with_an_uncovered_position_starts_again_at_once(stage: Stage) -> None:
    code, pulse = stage.beating("os._exit(1)", [7])
    ran = stage.folder / "again"
    is_ready = {"is_ready": lambda: ran.exists() and ran.read_text() == "xx"}
    begun = time.monotonic()
    stage.run(stage.service("runner", code, pulse=pulse, **is_ready), patience=Patience(30.0))
    assert time.monotonic() - begun < 20
    assert "starts again in 0 s" in stage.lines[0]


def test_restart_pauses_grow_only_while_everything_is_covered() -> None:
    pauses, before = [], 0.0
    for is_uncovered in (False, False, True, True, False, False):
        before = restart_pause(before, 3.0, 1.0, is_uncovered=is_uncovered)
        pauses.append(before)
    assert pauses == [1.0, 2.0, 0.0, 0.0, 1.0, 2.0]
    assert restart_pause(16.0, 61.0, 1.0, is_uncovered=False) == 1.0


def test_pulse_of_a_next_process_keeps_what_is_uncovered_until_it_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    Pulse(file).note(3, is_uncovered=True)
    again = Pulse(file)
    again.beat()
    assert read_beat(file) == Beat(os.getpid(), 1, (3,))
    again.note(3, is_uncovered=False)
    assert read_beat(file) == Beat(os.getpid(), 2, ())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="parent-death signals are Linux's")
def test_killed_supervisor_leaves_neither_children_nor_grandchildren(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    family = (
        "import os, subprocess, sys, time, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)"
    )
    script = tmp_path / "supervise.py"
    script.write_text(
        "import pathlib, sys\n"
        "from quant_pipelines.stack.process import Command\n"
        "from quant_pipelines.stack.service import Service, always_ready\n"
        "from quant_pipelines.stack.supervisor import Supervisor\n"
        f"log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        f"command = Command('family', (sys.executable, '-c', {family!r}), log)\n"
        "service = Service('family', lambda: command, is_ready=always_ready)\n"
        "Supervisor([service], announce=print, on_change=lambda s: None, on_all_ready=lambda: None).run()\n"
    )
    supervisor = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL)
    assert wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    supervisor.kill()
    supervisor.wait()
    family_pids = [int(pid) for pid in pids.read_text().split()]
    assert wait_until(lambda: not any(is_alive(pid) for pid in family_pids), seconds=30)
