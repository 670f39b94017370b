"""The gateway under many readers: answers a second and their times, and streams that last.

    PYTHONPATH=. python benchmarks/gateway_load.py [--programs 1000] [--streams 200] [--minutes 8]

Locust, in an environment of its own, keeps a connection for each program and has them read 50 times a second
in all; meanwhile WebSockets wait for alerts, of which one is written each second, and the gateway's memory
(PSS) is looked at. The gateway is the process that ``quant up`` starts, over loopback, on a database with
10,000 fills. Exit code 1 where an answer failed, the 95th percentile is 100 ms or more, a stream lost or
doubled an alert, or the memory of the second half has grown.
"""

import argparse
import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from peers import interpreter_of
from sandbox import megabytes_at_rest
from soak_slopes import Slope, slope_of
from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.migrate import migrate
from tests.integration.gateway.console_world import fill_world

HERE = Path(__file__).resolve().parent / "load"
N_FILLS, REQUESTS_A_SECOND, MOST_MS = 10_000, 50, 100.0
MOST_GROWTH_MB_AN_HOUR = 30.0
_SETTLES = 0.4
"""Share of the time in which buffers and pools fill up."""


class Load(NamedTuple):
    """How many, and for how long."""

    programs: int
    streams: int
    minutes: float


class Heard(NamedTuple):
    """Alerts that were written, what each stream was told from the one before them on, memory by hours."""

    alerts: list[int]
    by_stream: list[list[int]]
    memory: list[tuple[float, float]]


@contextmanager
def gateway() -> Iterator[tuple[Engine, str, int]]:
    """Database, address and process id of a gateway that ends with the block."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port = free_port()
        stack.callback(remove_place, Path(folder))
        server = stack.enter_context(EmbeddedPostgres(Path(folder), free_port()))
        create_database(server.url("postgres"), "quant")
        engine = connect(server.url("quant"))
        stack.callback(engine.dispose)
        migrate(engine)
        fill_world(engine, n_fills=N_FILLS)
        command = [
            sys.executable,
            "-P",
            "-m",
            "quant_pipelines.gateway",
            "--home",
            folder,
            "--port",
            str(port),
        ]
        environment = os.environ | {"QUANT_DATABASE_URL": server.url("quant")}
        log = stack.enter_context((Path(folder) / "gateway.log").open("w"))
        process = stack.enter_context(
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        )
        stack.callback(process.terminate)
        yield engine, f"http://127.0.0.1:{port}", process.pid


async def token_at(address: str) -> str:
    """Token of a program that may read, once the gateway answers."""
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of bare addresses too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        while True:
            try:
                async with session.post(f"{address}/api/v1/session", json={"operator": "ann"}) as answer:
                    given = await answer.json()
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.2)
        wanted = {"label": "load", "minutes": 60, "role": "viewer"}
        headers = {"X-CSRF-Token": given["csrf_token"]}
        async with session.post(f"{address}/api/v1/tokens", json=wanted, headers=headers) as answer:
            return str((await answer.json())["token"])


async def listen(address: str, token: str, engine: Engine, pid: int, load: Load) -> Heard:
    """Keep so many streams open, and write an alert each second."""
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        first = await asyncio.to_thread(_written, engine, Alert("info", "load", "first", utc_now(), {}))
        heard = Heard([], [[first] for _ in range(load.streams)], [])
        open_streams = asyncio.Semaphore(0)
        url = f"{address}/ws/alerts?since="
        reading = [asyncio.create_task(_follow(session, url, one, open_streams)) for one in heard.by_stream]
        for _ in reading:
            await open_streams.acquire()
        begun = time.monotonic()
        while (spent := time.monotonic() - begun) < load.minutes * 60:
            alert = Alert("info", "load", f"alert {len(heard.alerts)}", utc_now(), {})
            heard.alerts.append(await asyncio.to_thread(_written, engine, alert))
            heard.memory.append((spent / 3600, megabytes_at_rest(pid)))
            await asyncio.sleep(1.0)
        await asyncio.sleep(3.0)
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        return heard


def _written(engine: Engine, alert: Alert) -> int:
    with transaction(engine) as connection:
        return add_alert(connection, alert)


async def _follow(
    session: aiohttp.ClientSession, url: str, told: list[int], open_streams: asyncio.Semaphore
) -> None:
    """Follow a stream; one that the gateway lets go, as it was too slow, is resumed where it was."""
    while True:
        async with session.ws_connect(f"{url}{told[-1]}") as socket:
            open_streams.release()
            async for message in socket:
                row = json.loads(message.data)
                if row["kind"] == "alert":
                    told.append(int(row["seq"]))


@contextmanager
def locust(address: str, token: str, load: Load, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Programs that read, started beside the block."""
    python = interpreter_of("locust", folder / "environments", HERE)
    environment = os.environ | {"TOKEN": token, "SECONDS": str(load.programs / REQUESTS_A_SECOND)}
    command = [
        python,
        "-m",
        "locust",
        "-f",
        HERE / "locustfile.py",
        "--headless",
        "--only-summary",
        "--host",
        address,
    ]
    command += ["-u", str(load.programs), "-r", str(max(1, load.programs // 20)), "--csv", folder / "told"]
    command += ["--reset-stats", "--run-time", f"{int(load.minutes * 60)}s"]
    told = (folder / "locust.log").open("w")
    with told, subprocess.Popen(command, env=environment, stdout=told, stderr=told, text=True) as process:
        yield process


def say_answers(folder: Path) -> bool:
    """Write what Locust counted of each read; whether all were answered, and soon enough."""
    with (folder / "told_stats.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        sys.stdout.write(
            f"{row['Name']:<28} {row['Request Count']:>6} answers, {row['Failure Count']} failed, "
            f"{float(row['Requests/s']):5.1f} a second, "
            f"p50 {row['50%']}, p95 {row['95%']}, p99 {row['99%']} ms\n"
        )
    whole = rows[-1]
    return (
        not int(whole["Failure Count"]) and int(whole["Request Count"]) > 0 and float(whole["95%"]) < MOST_MS
    )


def cpu_seconds_of(pid: int) -> float:
    """CPU seconds that a process has taken so far."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


def say_streams(heard: Heard) -> bool:
    """Write what streams were told, and how memory went; whether nothing was lost and nothing grows."""
    wrong = sum(told[1:] != heard.alerts for told in heard.by_stream)
    settled = heard.memory[int(len(heard.memory) * _SETTLES) :]
    slope: Slope = slope_of("memory", [at for at, _ in settled], [size for _, size in settled])
    sys.stdout.write(
        f"{len(heard.by_stream)} streams, {len(heard.alerts)} alerts each, "
        f"{wrong} streams lost or doubled some; "
        f"memory {heard.memory[0][1]:.0f} -> {heard.memory[-1][1]:.0f} MB, {slope.growth:+.1f} MB an hour "
        f"[{slope.low:+.1f}, {slope.high:+.1f}]\n"
    )
    return not wrong and slope.low <= MOST_GROWTH_MB_AN_HOUR


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=8.0)
    chosen = parser.parse_args()
    load = Load(chosen.programs, chosen.streams, chosen.minutes)
    with tempfile.TemporaryDirectory() as name, gateway() as (engine, address, pid):
        folder = Path(name)
        token = asyncio.run(token_at(address))
        with locust(address, token, load, folder) as process:
            before = cpu_seconds_of(pid)
            heard = asyncio.run(listen(address, token, engine, pid, load))
            process.wait(120)
            sys.stdout.write(
                f"the gateway took {cpu_seconds_of(pid) - before:.1f} CPU s of {load.minutes:g} minutes\n"
            )
        found: list[Any] = [say_answers(folder), say_streams(heard)]
        sys.stdout.write(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors\n")
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
