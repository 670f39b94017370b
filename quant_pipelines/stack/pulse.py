"""The pulse of a supervised process: one small file that it writes again and again, and its supervisor reads.

It works without the database: whoever hangs, or holds what nobody covers, must be seen while that is away.
"""

import json
import logging
import os
import threading
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger(__name__)


class Beat(NamedTuple):
    """What a pulse said last: whose it is, a number that grows, and which deployments are uncovered."""

    pid: int
    number: int
    uncovered: tuple[int, ...] = ()


class Pulse:
    """Writes the pulse of this process.

    Parameters
    ----------
    file
        Where; None writes nothing. What an earlier process left uncovered stays so until it is noted anew.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        before = read_beat(file)
        self._uncovered = set(before.uncovered if before else ())
        self._number = 0
        self._busy = threading.RLock()

    def note(self, deployment_id: int, *, is_uncovered: bool) -> None:
        """Note, from any thread, whether what a deployment holds or is about to is covered; news at once."""
        with self._busy:
            if is_uncovered is (deployment_id in self._uncovered):
                return
            if is_uncovered:
                self._uncovered.add(deployment_id)
            else:
                self._uncovered.discard(deployment_id)
            self.beat()

    def beat(self) -> None:
        """Write the file anew, whole; a disk that takes nothing stops no trading."""
        with self._busy:
            self._number += 1
            if self._file is None:
                return
            try:
                _write(self._file, Beat(os.getpid(), self._number, tuple(sorted(self._uncovered))))
            except OSError as error:
                _log.warning("pulse can't be written", extra={"error": str(error)})


def read_beat(file: Path | None) -> Beat | None:
    """Last beat of a process; None before the first one."""
    if file is None:
        return None
    try:
        told = json.loads(file.read_text())
        return Beat(int(told["pid"]), int(told["number"]), tuple(told["uncovered"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, beat: Beat) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(beat._asdict()) + "\n")
    partial.replace(file)
