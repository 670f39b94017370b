"""What a direct kill has done, line by line on this machine's disk: it needs no database.

A line is on the disk before the request that it announces is sent. Whoever trades here reads the files later
and takes them over; a file that was taken over has another name.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from quant_pipelines.core.clock import Clock, clock_time, system_clock_ms

_OPEN, _ADOPTED = ".jsonl", ".adopted"


class KillRecord(NamedTuple):
    """A kill that nobody has taken over: its file, who asked for it, why, and when (UTC)."""

    file: Path
    operator: str
    reason: str
    at: datetime


@dataclass(slots=True)
class KillJournal:
    """Lines of one kill.

    Parameters
    ----------
    file
        Where they are written; made with its first line.
    clock
        Stamps them.

    Attributes
    ----------
    fault
        Why it could not be written, in the words of the system; a kill goes on without it.
    """

    file: Path
    clock: Clock = system_clock_ms
    fault: str = ""
    _opened: TextIO | None = field(default=None, repr=False)

    def write(self, what: str, *, is_urgent: bool = True, **told: Any) -> None:
        """Append a line, and return once it is on the disk; one that is not urgent waits for the next."""
        line = json.dumps({"at": clock_time(self.clock).isoformat(), "what": what, **told}, default=str)
        try:
            opened = self._opened or self._open()
            opened.write(line + "\n")
            opened.flush()
            if is_urgent:
                os.fsync(opened.fileno())
        except OSError as error:
            self.fault = self.fault or f"{self.file} can't be written: {error.strerror}"

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()

    def _open(self) -> TextIO:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._opened = self.file.open("a", encoding="utf-8")
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the file's name may be lost
        finally:
            os.close(folder)
        return self._opened


def kill_folder(home: Path) -> Path:
    """Where a home keeps its kills."""
    return home / "kills"


def new_journal(home: Path, clock: Clock = system_clock_ms) -> KillJournal:
    """Journal of a kill that begins now."""
    begun = clock_time(clock)
    return KillJournal(kill_folder(home) / f"{begun:%Y%m%dT%H%M%S%f}-{os.getpid()}{_OPEN}", clock)


def unadopted(home: Path) -> list[KillRecord]:
    """Kills that nobody has taken over, oldest first; one whose first line is cut counts all the same."""
    return [_record(file) for file in sorted(kill_folder(home).glob(f"*{_OPEN}"))]


def mark_adopted(record: KillRecord) -> None:
    """Give the file of a kill the name of one that was taken over."""
    record.file.replace(record.file.with_suffix(_ADOPTED))


def _record(file: Path) -> KillRecord:
    try:
        told = json.loads(file.read_text(encoding="utf-8").partition("\n")[0])
        return KillRecord(
            file, str(told["operator"]), str(told["reason"]), datetime.fromisoformat(told["at"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = "can't be read" if isinstance(error, OSError) else "is cut short"
        return KillRecord(file, "somebody", f"its journal {why}", clock_time(system_clock_ms))
