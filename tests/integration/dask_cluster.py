"""A real scheduler and workers on loopback, kept up as a container's restart policy would."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quant_pipelines.stack.ports import free_port

_QUIET = ("--no-dashboard", "--host", "127.0.0.1")
_DASK = (sys.executable, "-m", "dask")


class Cluster:
    """Processes of one cluster.

    Parameters
    ----------
    folder
        For logs and homes.
    database_url
        That the workers are told.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "QUANT_DATABASE_URL": database_url, "QUANT_HOME": str(folder)}
        self._port = free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler = self._scheduler()
        self.workers: list[subprocess.Popen[bytes]] = []

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                (*_DASK, *arguments), env=self._environment, stdout=log, stderr=log, cwd=self._folder
            )

    def _scheduler(self) -> subprocess.Popen[bytes]:
        return self._start("scheduler", "scheduler", "--port", str(self._port), *_QUIET)

    def is_listening(self) -> bool:
        """Whether the scheduler takes connections."""
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self._port)) == 0

    def add_worker(self) -> None:
        """Start a worker of one thread, whose process is the one that works."""
        options = ("--nthreads", "1", "--no-nanny", *_QUIET)
        self.workers.append(self._start("worker", "worker", self.address, *options))

    def kill_worker(self, number: int) -> None:
        """Kill a worker outright, and start another."""
        worker = self.workers.pop(number % len(self.workers))
        worker.kill()
        worker.wait()
        self.add_worker()

    def restart_scheduler(self) -> None:
        """Kill the scheduler outright and start it again; workers leave with it, and come back."""
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler = self._scheduler()

    def keep_up(self) -> None:
        """Start what has left by itself."""
        gone = [worker for worker in self.workers if worker.poll() is not None]
        for worker in gone:
            self.workers.remove(worker)
            self.add_worker()

    def logs(self) -> str:
        """What all of them said."""
        return "\n".join(path.read_text()[-2000:] for path in sorted(self._folder.glob("*.log")))

    def end(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def dask_cluster(folder: Path, database_url: str, n_workers: int) -> Iterator[Cluster]:
    """Cluster for as long as the block runs."""
    cluster = Cluster(folder, database_url)
    try:
        for _ in range(n_workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.end()


def until(condition: Any, seconds: float = 300.0, pause: float = 0.05) -> None:
    """Wait for what must come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(pause)
