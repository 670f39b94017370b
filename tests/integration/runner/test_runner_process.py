"""The real process against the real simulator: real sockets, real ccxt, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from tests.integration.runner.world import SWITCH, rows

pytestmark = pytest.mark.postgres

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[str]:
    """Address of a simulated venue of this test's own."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "quant_pipelines.simulator",
        "--port",
        "0",
        "--home",
        str(tmp_path),
    ]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        yield next(word for word in process.stdout.readline().split() if word.startswith("http://"))


@pytest.fixture
def start_runner(database_url: str, simulator: str, tmp_path: Path) -> Iterator[Start]:
    """Start `python -P -m live_runner`; whatever still runs at the end of the test is ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUANT_")}
    environment |= {"QUANT_DATABASE_URL": database_url, "QUANT_EXCHANGE__BASE_URL": simulator}
    environment |= {"QUANT_RUNNER__HEARTBEAT_SECONDS": "0.2"}
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        with (tmp_path / f"runner-{len(started)}.log").open("w") as log:
            command = [sys.executable, "-P", "-m", "live_runner"]
            process = subprocess.Popen(command, stderr=log, env=environment, cwd=tmp_path, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        with ended(process):
            pass


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    """First true answer; fails behind the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise TimeoutError(f"nothing came within {seconds} s")


def beat_of(engine: Engine, process: "subprocess.Popen[str]") -> dict[str, Any] | None:
    """Heartbeat of this process once it trades and hears the stream."""
    found = rows(engine, "select state, detail from ops.heartbeats where service = 'live_runner'")
    if not found or found[0][0] != "ACTIVE" or found[0][1]["pid"] != process.pid:
        return None
    detail: dict[str, Any] = found[0][1]
    return detail if detail["deployments"] and all(detail["data_age_seconds"].values()) else None


@pytest.mark.timeout(240)
def test_the_runner_takes_over_after_kill_9_and_stops_on_sigterm(
    engine: Engine,
    deploy: Callable[..., int],
    start_runner: Start,
) -> None:
    now = utc_now()
    deploy(SWITCH, created_at=now - timedelta(minutes=5), history_start=now - timedelta(hours=3))
    first = start_runner()
    wait_for(lambda: beat_of(engine, first), 60)
    wait_for(lambda: rows(engine, "select count(*) from trading.equity")[0][0] >= 5, 30)
    first.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    second = start_runner()
    detail = wait_for(lambda: beat_of(engine, second), 60)
    recovered = time.monotonic() - killed
    sys.stdout.write(f"recovered in {recovered:.1f} s from exec, {detail['memory_mb']} MB\n")
    assert recovered < 30  # a loaded machine starts an interpreter slowly; the figure itself is printed
    assert detail["epoch"] == 2
    assert detail["memory_mb"] < 600
    second.send_signal(signal.SIGTERM)
    assert second.wait(10) == 0


def test_a_runner_without_its_schema_says_so_in_one_sentence(
    engine: Engine, start_runner: Start, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("update ops.alembic_version set version_num = '9999'")
    assert start_runner().wait(60) == 1
    (line,) = [json.loads(line) for line in (tmp_path / "runner-0.log").read_text().splitlines()]
    assert "newer than this code" in line["error"]


@pytest.mark.parametrize("package", ["dagster", "alembic", "pandas", "matplotlib", "ccxt"])
def test_the_runner_starts_without_what_covering_does_not_need(package: str) -> None:
    loaded = "{name.split('.')[0] for name in sys.modules}"
    probe = f"import sys, live_runner.process.root; print(sys.argv[1] in {loaded})"
    command = [sys.executable, "-P", "-c", probe, package]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
