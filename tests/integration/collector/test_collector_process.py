"""The real collector and the real runner beside it: real simulator, real ccxt, real Redis, kill -9."""

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
from tests.integration.redis_server import RedisServer, redis_server
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import Venue, simulator
from tests.integration.runner.world import SWITCH, rows

pytestmark = pytest.mark.postgres

SYMBOLS = "BTC/USDT:USDT,SOL/USDT:USDT"
DEADLINE = 180.0


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with simulator(tmp_path) as venue:
        yield venue


@contextmanager
def process(module: str, folder: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -P -m MODULE` with these settings; killed at the end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUANT_")}
    environment |= {f"QUANT_{name.upper()}": value for name, value in settings.items()}
    with (folder / f"{module}.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", module], stderr=log, env=environment, cwd=folder
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait(30)


def wait_for(what: Callable[[], Any], folder: Path) -> Any:
    """First true answer; fails behind the deadline with the ends of the logs."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.1)
    logs = [f"{log.name}\n{log.read_text()[-2000:]}" for log in folder.glob("*.log")]
    raise TimeoutError("\n".join(logs))


def heartbeat(engine: Engine, service: str, process: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
    """Heartbeat of this process."""
    found = rows(engine, "select state, detail from ops.heartbeats where service = :name", name=service)
    if not found or found[0][1]["pid"] != process.pid:
        return None
    return {"state": found[0][0], **found[0][1]}


@pytest.mark.timeout(600)
def test_a_runner_goes_on_by_itself_when_collector_and_redis_are_killed(
    engine: Engine, database_url: str, venue: Venue, redis: RedisServer, tmp_path: Path
) -> None:
    now = utc_now()
    values = {"created_at": now - timedelta(minutes=2), "history_start": now - timedelta(hours=3)}
    insert_deployment_at(engine, SWITCH, values)
    settings = {
        "database_url": database_url,
        "exchange__base_url": venue.address,
        "redis_url": redis.url,
        "market__universe": SYMBOLS,
        "market__whitelist": SYMBOLS,
        "runner__heartbeat_seconds": "0.2",
    }

    def runner_log() -> str:
        return (tmp_path / "live_runner.log").read_text()

    def fresh(service: str, process: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
        beat = heartbeat(engine, service, process)
        ages = (beat or {}).get("data_age_seconds") or {"none": None}
        return beat if all(age is not None and age < 30 for age in ages.values()) else None

    with process("live_runner.collector", tmp_path, **settings) as collector:
        beat = wait_for(lambda: fresh("collector", collector), tmp_path)
        assert beat["cache"]["redis"] == "up"
        wait_for(lambda: rows(engine, "select 1 from market.bars where timeframe = '1m'"), tmp_path)
        with process("live_runner", tmp_path, **settings) as runner:
            wait_for(lambda: "the collector's stream is used" in runner_log(), tmp_path)
            collector.send_signal(signal.SIGKILL)
            redis.kill()
            wait_for(lambda: "our own stream is opened" in runner_log(), tmp_path)
            wait_for(lambda: fresh("live_runner", runner), tmp_path)
            booked = rows(engine, "select count(*) from trading.equity")[0][0]
            wait_for(lambda: rows(engine, "select count(*) from trading.equity")[0][0] > booked, tmp_path)
            assert runner.poll() is None
            runner.send_signal(signal.SIGTERM)
            assert runner.wait(60) == 0


@pytest.mark.timeout(600)
def test_the_collector_fills_its_gap_after_kill_9_and_stops_on_sigterm(
    engine: Engine, database_url: str, venue: Venue, tmp_path: Path
) -> None:
    settings = {
        "database_url": database_url,
        "exchange__base_url": venue.address,
        "redis_url": "redis://127.0.0.1:1/0",
        "market__universe": SYMBOLS,
        "market__whitelist": SYMBOLS,
        "runner__heartbeat_seconds": "0.2",
    }
    newest = (
        "select count(*), extract(epoch from max(ts) - min(ts)) / 60 + 1 from market.bars group by symbol"
    )
    with process("live_runner.collector", tmp_path, **settings) as first:
        wait_for(lambda: len(rows(engine, newest)) == 2, tmp_path)
        first.send_signal(signal.SIGKILL)
        first.wait(30)
    before = rows(engine, "select count(*) from market.bars")[0][0]
    with process("live_runner.collector", tmp_path, **settings) as second:
        wait_for(lambda: rows(engine, "select count(*) from market.bars")[0][0] >= before + 4, tmp_path)
        beat = wait_for(lambda: heartbeat(engine, "collector", second), tmp_path)
        assert beat["cache"]["serves"] == "postgres"
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    assert all(count == minutes for count, minutes in rows(engine, newest))
    sys.stdout.write(f"collector {beat['memory_mb']} MB\n")
    assert (tmp_path / "live_runner.collector.log").read_text().count("does not answer; PostgreSQL") == 2
