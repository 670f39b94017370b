"""Processes that live by the venue's clock, and that a proof kills, freezes and tells the time."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.runner.skipped_time import SkippedTime
from tests.integration.runner.venue_world import ROOT


class SkippedProcess:
    """A module in a process of its own.

    Parameters
    ----------
    arguments
        Module and its arguments.
    clock
        The venue's.
    log
        Takes what it says.
    environment
        All of it; None is ours.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        clock: SkippedTime,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        command = [sys.executable, "-m", *arguments]
        with log.open("a") as said:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stderr=said, text=True, env=environment
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def skip_minute(self) -> None:
        """Go on shortly before the next minute's end."""
        self._clock.skip_minute()
        self.tell_time()

    def tell_time(self) -> None:
        """Have it live by the venue's clock as it is now."""
        self.tell(str(self._clock.ahead_ms))

    def died(self) -> bool:
        """Whether it was killed; another end is an error."""
        code = self._process.poll()
        if code not in (None, -signal.SIGKILL):
            raise RuntimeError(f"the process ended with {code}; expected it to be killed")
        return code is not None

    def ended(self) -> int | None:
        """Exit code; None while it lives."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """Kill it wherever it is."""
        self._process.kill()
        self._process.communicate()

    def tell(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            if not self.died():
                raise
