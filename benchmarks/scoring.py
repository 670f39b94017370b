"""A scoring cycle of many deployments: ``python benchmarks/scoring.py [--against REV]``.

Starts its own server in a temporary folder and fills it by that commit's schema: deployments with a year of
bars up to a minute ago. A copy is brought to this commit's schema; then both materialize the scorecard by
their own asset and watch their own triggers, in turns. Seconds are those of the wall and of processors, the
server's included; events are the rows that one run writes to Dagster's log.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from commits import HERE, checked_out

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database

AGAINST = "7abab27b"
NOW = "2026-01-10 12:00+00"
MIGRATE = """
import sys
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
migrate(connect(sys.argv[1]))
"""
FILL = f"""
set session_replication_role = replica;
insert into research.strategies values ('s', '', '{NOW}') on conflict do nothing;
with account as (
    insert into trading.accounts (name, venue, currency, capital, created_at)
    values ('paper', 'paper', 'USDT', 100000, '{NOW}') returning id
), version as (
    insert into research.strategy_versions
        (strategy, content_hash, kernel_digest, source, parameters, created_at)
    values ('s', 'h', 'k', 'text', '{{}}', '{NOW}') returning id
)
insert into trading.deployments (account_id, strategy_version_id, strategy, exchange, symbol, timeframe,
    execution_timeframe, parameters, settings, stage, capital, history_start, created_at, stage_changed_at)
select account.id, version.id, 's' || n, 'binanceusdm', 'BTC/USDT:USDT', '1h', '1m', '{{}}', '{{}}', 'paper',
    10000, '{NOW}', '{NOW}', '{NOW}' from account, version, generate_series(1, %(deployments)s) as n;
insert into trading.equity (deployment_id, ts, cash, position, price, equity)
select d.id, ts, 1.0, (random() > 0.5)::int, 1.0, 10000 + 100 * random()
from trading.deployments d, generate_series(timestamptz '{NOW}' - %(days)s * interval '1 day',
    timestamptz '{NOW}' - interval '1 minute', %(minutes)s * interval '1 minute') as ts;
insert into trading.fills (venue, symbol, trade_id, deployment_id, side, quantity, price, fee, reason, ts,
    booked_at)
select 'paper', 'BTC/USDT:USDT', d.id || ':' || n, d.id, 'buy', 1, 1, 0, 'target', '{NOW}', '{NOW}'
from trading.deployments d, generate_series(1, 2 * %(days)s) as n;
analyze
"""  # noqa: S608 - our own words
SCORE = f"""
import json, os, sys, time
from datetime import datetime
import dagster as dg
from assets.resources import Platform
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.operations.triggers import watch_performance
from store import processor_seconds

now = to_ms(datetime.fromisoformat({NOW!r})) + int(sys.argv[3]) * 300_000
platform = Platform(Settings(database_url=sys.argv[1]), clock=lambda: now)
job = build_definitions(platform).resolve_job_def("strategy_scoring")
watch = lambda: watch_performance(platform.engine, platform.settings.triggers, platform.clock)
watch()

def spent(work):
    begun, cpu = time.perf_counter(), processor_seconds(int(sys.argv[2]))
    found = work()
    return found, (time.perf_counter() - begun, processor_seconds(int(sys.argv[2])) - cpu)

with dg.DagsterInstance.ephemeral() as instance:
    def score():
        keys = [dg.AssetKey("scorecard")]
        return job.execute_in_process(asset_selection=keys, instance=instance).run_id
    run, scored = spent(score)
    print(json.dumps({{"score": scored, "watch": spent(watch)[1], "events": len(instance.all_logs(run))}}))
"""


def run(place: Path, code: str, *arguments: str) -> str:
    """Let a checkout run a program, and return what it printed last."""
    environment = {**os.environ, "PYTHONPATH": f"{place}:{HERE / 'benchmarks'}"}
    python = (sys.executable, "-c", code, *arguments)
    done = subprocess.run(python, cwd=place, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().rpartition("\n")[2]


def filled(server: EmbeddedPostgres, other: Path, given: argparse.Namespace) -> dict[str, str]:
    """Fill a database by the other commit's schema, and bring a copy of it to this one's."""
    import psycopg  # noqa: PLC0415 - the server's own environment

    before, after = (server.url(name) for name in ("before", "after"))
    create_database(server.url("postgres"), "before")
    run(other, MIGRATE, before)
    sizes = {"deployments": given.deployments, "days": given.days, "minutes": given.minutes}
    with psycopg.connect(_plain(before), autocommit=True) as connection:
        connection.execute((FILL % sizes).encode())
        print(f"{_count(connection):,} bars of {given.deployments} deployments")
    with psycopg.connect(_plain(server.url("postgres")), autocommit=True) as admin:
        admin.execute("create database after template before")
    begun = time.perf_counter()
    run(HERE, MIGRATE, after)
    print(f"brought to this schema in {time.perf_counter() - begun:.1f} s")
    return {given.against: before, "here": after}


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _count(connection: Any) -> int:
    return int(connection.execute("select count(*) from trading.equity").fetchone()[0])


def main() -> None:
    """Print what a cycle takes by each commit."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--against", default=AGAINST, help="older commit to compare with")
    parser.add_argument("--deployments", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=60, help="from bar to bar")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, checked_out(given.against) as other:
        try:
            with EmbeddedPostgres(Path(folder), free_port(), durable=False) as server:
                urls = filled(server, other, given)
                pid = Path(folder, "postgres", "data", "postmaster.pid").read_text().split()[0]
                compare(urls, {given.against: other, "here": HERE}, pid, given.rounds)
        finally:
            remove_place(Path(folder))


def compare(urls: dict[str, str], places: dict[str, Path], pid: str, rounds: int) -> None:
    """Score by each in turns, and print the best of all rounds."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in urls}
    for number in range(rounds):
        for name, url in urls.items():
            found[name].append(json.loads(run(places[name], SCORE, url, pid, str(number))))
    print(f"{'commit':10} {'scorecard s':>12} {'CPU':>7} {'triggers s':>11} {'CPU':>7} {'events':>7}")
    for name, measured in found.items():
        best = [min(one[work][at] for one in measured) for work in ("score", "watch") for at in (0, 1)]
        cells = " ".join(f"{value:>{width}.2f}" for value, width in zip(best, (12, 7, 11, 7), strict=True))
        print(f"{name:10} {cells} {measured[0]['events']:>7}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
