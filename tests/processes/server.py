"""A PostgreSQL that a proof kills, freezes, shuts down and starts again; its commits are durable."""

import os
import signal
import subprocess
import time
from pathlib import Path

from quant_pipelines.core.errors import StoreError
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.process import start

_START_SECONDS = 60.0


class Server:
    """A server of its own, on the same port each time.

    Parameters
    ----------
    home
        Where its data live; see `EmbeddedPostgres`.
    """

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.embedded = EmbeddedPostgres(home, self.port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_up(self) -> bool:
        """Whether its first process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; where sessions of the one before have not ended yet, again."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._process = start(self.embedded.command())
            try:
                self.embedded.wait_until_ready(self._process, timeout_seconds=_START_SECONDS)
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def send(self, number: signal.Signals) -> None:
        """Send a signal: SIGTERM, SIGINT and SIGQUIT are its smart, fast and immediate shutdown."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> None:
        """Wait for its end."""
        if self._process is not None:
            self._process.wait(seconds)

    def kill(self) -> None:
        """Kill -9 of its first process; the others notice that by themselves."""
        self.send(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        """Stop all its processes where they are."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for pid in reversed(self._pids()):
            os.kill(pid, signal.SIGCONT)

    def _pids(self) -> list[int]:
        assert self._process is not None
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]
