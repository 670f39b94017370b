"""The embedded PostgreSQL server for as long as a block runs; nobody else starts or stops it meanwhile."""

import signal
import subprocess
import time
from types import TracebackType

from quant_pipelines.core.errors import StoreError
from quant_pipelines.stack.postgres_server import PostgresServer
from quant_pipelines.stack.process import log_tail, start, stop
from quant_pipelines.store.engine import connected, require_reachable


class EmbeddedPostgres(PostgresServer):
    """A server that a context starts and stops; see `PostgresServer`."""

    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "EmbeddedPostgres":
        command = self.command()
        self._process = start(command)
        self.wait_until_ready(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGINT, timeout_seconds=30)

    def wait_until_ready(self, process: subprocess.Popen[bytes], *, timeout_seconds: float = 120) -> None:
        """Wait until the server answers; a long recovery after a crash counts as starting.

        Raises
        ------
        StoreError
            If the server ended, or does not answer in time; the last line of its log is quoted.
        """
        deadline = time.monotonic() + timeout_seconds
        with connected(self.url("postgres")) as server:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    require_reachable(server)
                except StoreError:
                    time.sleep(0.05)
                else:
                    return
        last = log_tail(self.log, 1) or "its log is empty"
        raise StoreError(f"the embedded database did not start on port {self._port}; {self.log} ends: {last}")
