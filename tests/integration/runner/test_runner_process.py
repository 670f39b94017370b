"""The real process against the real simulator: real sockets, real ccxt, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from quant_pipelines.stack.ports import free_port
from tests.integration.runner.venue_world import deploy_canary
from tests.integration.runner.world import SWITCH, rows

pytestmark = pytest.mark.postgres

Start = Callable[..., subprocess.Popen[str]]
SECRETS = {
    "QUANT_API_KEY": "k3y-of-the-account-0123456789abcdef",
    "QUANT_API_SECRET": "s3cret-of-the-account-0123456789abcdef",
    "QUANT_MASTER_KEY": "bWFzdGVyLWtleS1vZi10aGlzLXRlc3QtMDEyMzQ1Njc=",
    "QUANT_REDIS_URL": "redis://:r3d1s-passw0rd@127.0.0.1:1/0",
}


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

    def start(**more: str) -> subprocess.Popen[str]:
        with (tmp_path / f"runner-{len(started)}.log").open("w") as log:
            command = [sys.executable, "-P", "-m", "live_runner"]
            given = environment | more
            process = subprocess.Popen(command, stderr=log, env=given, cwd=tmp_path, text=True)
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


def counter(shown: str, name: str) -> float:
    """Value of the counter of this name and these labels on a page of metrics."""
    return next(
        float(value) for at, _, value in (line.rpartition(" ") for line in shown.splitlines()) if at == name
    )


@pytest.mark.timeout(240)
def test_the_runner_takes_over_after_kill_9_and_stops_on_sigterm(
    engine: Engine,
    deploy: Callable[..., int],
    start_runner: Start,
) -> None:
    now = utc_now()
    deploy(SWITCH, created_at=now - timedelta(minutes=5), history_start=now - timedelta(hours=3))
    first = start_runner()
    wait_for(lambda: beat_of(engine, first), 100)
    wait_for(lambda: rows(engine, "select count(*) from trading.equity")[0][0] >= 5, 30)
    first.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    second = start_runner()
    detail = wait_for(lambda: beat_of(engine, second), 100)  # a loaded machine starts an interpreter slowly
    recovered = time.monotonic() - killed
    sys.stdout.write(f"recovered in {recovered:.1f} s from exec, {detail['memory_mb']} MB\n")
    assert detail["epoch"] == 2
    assert detail["memory_mb"] < 600
    second.send_signal(signal.SIGTERM)
    assert second.wait(10) == 0


@pytest.mark.timeout(240)
def test_a_traded_run_tells_the_way_from_the_bar_to_the_fill_and_no_secret(
    engine: Engine, deploy: Callable[..., int], start_runner: Start, tmp_path: Path
) -> None:
    key, port = deploy_canary(deploy), free_port()
    more = {"QUANT_METRICS__RUNNER_PORT": f"{port}", "QUANT_LOGS__LEVEL": "DEBUG"}
    process = start_runner(**SECRETS, **more)
    wait_for(lambda: rows(engine, "select 1 from trading.fills"), 90)
    wait_for(lambda: '"status": "FILLED"' in (tmp_path / "runner-0.log").read_text(), 30)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        shown = response.read().decode()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    text = (tmp_path / "runner-0.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    told = {kind: [one for one in lines if one["message"] == kind] for kind in ("decision", "order", "fill")}
    bars = {one["decision"]: one["bar_close"] for one in told["decision"] if one["outcome"] == "order"}
    buys = [one for one in told["fill"] if one["side"] == "buy"]
    ordered = {one["client_order_id"]: one["decision"] for one in told["order"]}
    for one in buys:
        assert ordered[one["client_order_id"]] == one["decision"]
        assert datetime.fromisoformat(bars[one["decision"]]) <= datetime.fromisoformat(one["ts"])
    secrets = [value.removeprefix("redis://:").partition("@")[0] for value in SECRETS.values()]
    assert [secret for secret in secrets if secret in text or secret in shown] == []
    assert "signature=" not in text.replace("signature=<hidden>", "")
    for counted, lines_told in {
        f'quant_decisions_total{{deployment="{key}",outcome="order"}}': bars,
        f'quant_fills_total{{deployment="{key}",side="buy"}}': buys,
        f'quant_order_states_total{{deployment="{key}",status="FILLED"}}': buys,
        "quant_tick_to_order_seconds_count": ordered,
    }.items():
        assert 1 <= counter(shown, counted) <= len(lines_told), counted
    assert "quant_metric_refused_total{" not in shown


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
