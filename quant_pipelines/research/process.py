"""One worker process, and the pipe to it.

It is started by command line, not forked: nothing of the caller (Dagster, its threads, its sockets) is
carried over, and nothing of its own (compilers, solvers, bars) stays in the caller.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from threading import Timer
from typing import Any

_COMMAND = (sys.executable, "-P", "-m", "quant_pipelines.research.worker")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Worker:
    """One process and the pipe to it."""

    def __init__(self, opening: dict[str, Any], *, command: Sequence[str] = _COMMAND) -> None:
        self._is_late = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **_ONE_THREAD},
        )
        self._send(opening)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def run(self, work: dict[str, Any], minutes: float) -> dict[str, Any] | None:
        """Answer of the worker; None when it died, was ended or took longer than that."""
        self._send(work)
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        alarm = Timer(60.0 * minutes, self._give_up)
        alarm.daemon = True
        alarm.start()
        try:
            line = self._process.stdout.readline()
        finally:
            alarm.cancel()
        if not line.endswith("\n"):
            return None  # nothing, or what was written until it was ended
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self, minutes: float) -> str:
        """Close a worker that gave no answer, and say why."""
        code = self.close()
        if self._is_late:
            return f"the search took longer than {minutes:g} minutes (optimization.job_minutes) and was ended"
        return f"worker process ended with code {code}"

    def kill(self) -> None:
        """End it in the midst of its work, from another thread than the one that waits for its answer.

        It is gone by the return: the next unit must not be asked of a process that is about to end.
        """
        self._process.kill()
        self._process.wait()

    def _give_up(self) -> None:
        self._is_late = True
        self.kill()

    def close(self, *, grace_seconds: float = 30.0) -> int:
        """End the process by ending its input, by force where it stays: it owes nothing; its exit code."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it is gone already
        try:
            return self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _send(self, document: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            self._process.stdin.write(json.dumps(document) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # the missing answer tells
