"""Ends what a supervisor leaves behind when it is killed itself.

Children get a parent-death signal, but their own children (the workers of Dagster's code server) do not. This
program holds the other end of a pipe: it reads ``+PID`` and ``-PID``, and when the pipe closes it ends the
sessions that are still on its list. It is started by path and imports nothing of the package.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

_GRACE_SECONDS = 10.0


class GuardPipe:
    """The supervisor's end of the pipe; a context manager."""

    def __enter__(self) -> "GuardPipe":
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def watch(self, pid: int) -> None:
        """Put a session's leader on the list."""
        self._write(f"+{pid}")

    def forget(self, pid: int) -> None:
        """Take a session off the list: it has ended."""
        self._write(f"-{pid}")

    def _write(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


def _signal_all(leaders: Iterable[int], number: signal.Signals) -> None:
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)


def _main() -> None:
    watched: set[int] = set()
    for line in sys.stdin:
        leader = int(line[1:])
        if line[0] == "+":
            watched.add(leader)
        else:
            watched.discard(leader)
    if watched:
        time.sleep(_GRACE_SECONDS)  # the parent-death signals asked them to end already
        _signal_all(watched, signal.SIGKILL)


if __name__ == "__main__":
    _main()
