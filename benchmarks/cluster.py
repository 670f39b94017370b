"""A walk-forward on one and on two workers of a Dask cluster: the same numbers, in how much time.

Usage: ``PYTHONPATH=. python benchmarks/cluster.py [trials]``. Without free cores, wall time tells nothing:
then what is left is the ratio by accounting, the processor time of one worker over half of that of two.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.cluster import joined
from quant_pipelines.research.round import Searched, run_round
from quant_pipelines.research.units import with_texts
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connected
from quant_pipelines.store.migrate import migrate
from tests.forgotten import forget_records
from tests.integration.dask_cluster import dask_cluster, until
from tests.integration.stored_market import JOB, numbers, store_market

_NAME = "quant_benchmark"


def searched(engine: Engine, folder: Path, url: str, n_workers: int, trials: int) -> tuple[Searched, float]:
    """Outcome on so many workers, and the seconds that it took them once they had loaded everything."""
    asked = with_texts(engine, [replace(JOB, timeframe="1m", trials=trials)])
    warm = with_texts(engine, [replace(JOB, trials=8), replace(JOB, trials=9)])
    with dask_cluster(folder, url, n_workers) as cluster:
        until(cluster.is_listening)
        with joined(cluster.address) as crew:
            until(lambda: crew.size == n_workers)
            run_round(engine, warm, crew)
            began = time.monotonic()
            found = run_round(engine, asked, crew)
            return found, time.monotonic() - began


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "home", free_port(), durable=False) as server,
    ):
        create_database(server.url("postgres"), _NAME)
        with connected(server.url(_NAME), pool_size=4) as engine:
            migrate(engine)
            store_market(engine)
            results = {}
            for n_workers in (1, 2):
                forget_records(engine)
                results[n_workers] = searched(engine, Path(folder), server.url(_NAME), n_workers, trials)
    (one, one_seconds), (two, two_seconds) = results[1], results[2]
    first, second = one.outcomes[0], two.outcomes[0]
    assert isinstance(first, VerdictRecord)
    assert isinstance(second, VerdictRecord)
    print(f"equal to the bit: {numbers(first) == numbers(second)}")
    print(f"one worker:  {one_seconds:7.1f} s, {one.cpu_seconds:7.1f} CPU s")
    print(f"two workers: {two_seconds:7.1f} s, {two.cpu_seconds:7.1f} CPU s")
    print(f"faster by wall time: {one_seconds / two_seconds:.2f}")
    print(f"faster by accounting: {2 * one.cpu_seconds / two.cpu_seconds:.2f}")


if __name__ == "__main__":
    main()
