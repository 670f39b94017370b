"""What Dagster costs: overhead of each run, time from a condition to its run, event rows per run and per day.

Reads what a stack has done, so let one run for a while first (`quant up`), best with an approved coin:

    python benchmarks/dagster_overhead.py --home HOME

Overhead is the time from a run's creation to its end minus the time spent inside its steps: the queue, the
start of a process with its imports, and bookkeeping.
"""

import argparse
import os
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from quant_pipelines.stack.ports import read_ports
from quant_pipelines.stack.postgres_server import local_url
from quant_pipelines.store.database_url import dagster_url

RUNS = """
select r.pipeline_name, extract(epoch from r.create_timestamp), r.start_time, r.end_time,
    e.rows, e.bytes, e.compute
from runs r join lateral (
    select count(*) as rows, sum(length(event)) as bytes, coalesce(sum(
        (event::json #>> '{dagster_event,event_specific_data,duration_ms}')::float8
    ) filter (where dagster_event_type = 'STEP_SUCCESS'), 0) / 1000 as compute
    from event_logs where run_id = r.run_id
) e on true
where r.status = 'SUCCESS' order by 1
"""
FIRST_RUNS = """
select t.value::bigint, r.pipeline_name, min(extract(epoch from r.create_timestamp)), min(r.start_time)
from runs r join run_tags t using (run_id) where t.key = 'quant/request' group by 1, 2
"""
REQUESTS = "select id, kind, extract(epoch from created_at) from research.optimization_requests"
RUNS_PER_DAY = {
    "strategy_scoring": 288.0,
    "hot_coin_scan": 24.0,
    "daily_optimization": 1.0,
    "culling": 1.0,
    "deep_search": 1 / 7,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="home of a stack that runs")
    home = parser.parse_args().home
    ports = read_ports(home / "ports.json")
    assert ports is not None, f"{home}: no stack has been started there"
    product = local_url(home, ports.postgres)
    with psycopg.connect(dagster_url(product).replace("+psycopg2", "")) as dagster:
        runs = dagster.execute(RUNS.encode()).fetchall()
        started = dagster.execute(FIRST_RUNS.encode()).fetchall()
    with psycopg.connect(product) as connection:
        requests = {number: (kind, at) for number, kind, at in connection.execute(REQUESTS.encode())}
    print(f"load {', '.join(f'{one:.1f}' for one in os.getloadavg())}; {os.cpu_count()} processors\n")
    jobs = {name: [run[1:] for run in runs if run[0] == name] for name in sorted({run[0] for run in runs})}
    print_overhead(jobs)
    print_latency(started, requests)
    print_events(jobs)


def print_overhead(jobs: dict[str, list[Any]]) -> None:
    print("median seconds               runs   queued+start   run     steps   overhead")
    for name, runs in jobs.items():
        waited = median(start - float(created) for created, start, *_ in runs)
        wall = median(end - start for _, start, end, *_ in runs)
        steps = median(run[-1] for run in runs)
        overhead = median(end - float(created) - compute for created, _, end, _, _, compute in runs)
        print(f"{name:28} {len(runs):4d} {waited:12.1f} {wall:9.1f} {steps:8.1f} {overhead:9.1f}")


def print_latency(started: list[Any], requests: dict[int, Any]) -> None:
    print("\ncondition                    job                    run created after   run started after")
    for number, job, created, start in started:
        kind, at = requests[number]
        if start:
            print(f"{kind:28} {job:22} {created - at:14.1f} s {start - float(at):16.1f} s")
    print("a search of an approved coin waits for its backfill; sensors look every 30 s (coin) or 300 s")


def print_events(jobs: dict[str, list[Any]]) -> None:
    print("\nevents                       rows/run   kB/run   runs/day   rows/day   MB/day")
    total_rows = total_mb = 0.0
    for name, runs in jobs.items():
        rows, size = median(run[3] for run in runs), float(median(run[4] for run in runs))
        per_day = RUNS_PER_DAY.get(name, 0.0)
        total_rows, total_mb = total_rows + rows * per_day, total_mb + size * per_day / 1e6
        figures = f"{rows * per_day:10.0f} {size * per_day / 1e6:8.1f}" if per_day else "  on demand"
        print(f"{name:28} {rows:8.0f} {size / 1000:8.0f} {per_day:10.1f} {figures}")
    print(f"{'scheduled jobs seen above':28} {'':8} {'':8} {'':10} {total_rows:10.0f} {total_mb:8.1f}")


if __name__ == "__main__":
    main()
