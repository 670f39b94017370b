"""Progress of what takes longer than a moment: on stderr, on a terminal, for people only."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TextIO

SHOWN_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.2
_WIDTH = 24


class ProgressLine:
    """Line of text that is written over and over: what is done, how much of it, for how long.

    Parameters
    ----------
    label
        What is done.
    total
        Number of steps; 0 is not known, and tells the time alone.
    stream
        Where the line is written; None writes none.
    """

    def __init__(self, label: str, total: int = 0, stream: TextIO | None = None) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self._stream = stream
        self._began = time.monotonic()
        self._lock = Lock()
        self._is_shown = False

    def advance(self, steps: int = 1) -> None:
        """Count finished steps."""
        self.done += steps

    def text(self) -> str:
        """Return the line as it stands now."""
        seconds = time.monotonic() - self._began
        if self.total <= 0:
            return f"{self.label} {seconds:.0f} s"
        share = min(1.0, self.done / self.total)
        full = round(share * _WIDTH)
        bar = "#" * full + "." * (_WIDTH - full)
        left = f", about {seconds * (1 - share) / share:.0f} s left" if 0 < share < 1 else ""
        return f"{self.label} [{bar}] {self.done}/{self.total} {seconds:.0f} s{left}"

    def say(self, text: str) -> None:
        """Print a line of the answer on stdout, in place of the progress."""
        with self._lock:
            self._wipe()
            print(text, flush=True)

    def show(self) -> None:
        """Write the line."""
        with self._lock:
            if self._stream is not None:
                self._stream.write(f"\r\x1b[K{self.text()}")
                self._stream.flush()
                self._is_shown = True

    def wipe(self) -> None:
        """Take the line away."""
        with self._lock:
            self._wipe()

    def _wipe(self) -> None:
        if self._stream is not None and self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._is_shown = False


@contextmanager
def waiting(label: str, arguments: argparse.Namespace, *, total: int = 0) -> Iterator[ProgressLine]:
    """Show progress on stderr while the block runs, once it takes longer than a second.

    Nothing is shown with ``--json``, in CI, or where stderr is not a terminal.
    """
    if not is_wanted(sys.stderr, is_json=arguments.json):
        yield ProgressLine(label, total)
        return
    progress = ProgressLine(label, total, sys.stderr)
    with kept_up(progress):
        yield progress


def is_wanted(stream: TextIO, *, is_json: bool) -> bool:
    """Whether somebody is there to look at it."""
    return not is_json and not os.environ.get("CI") and stream.isatty()


@contextmanager
def kept_up(progress: ProgressLine, *, after_seconds: float = SHOWN_AFTER_SECONDS) -> Iterator[None]:
    """Write the line again and again from a thread, and wipe it at the end."""
    ended = Event()

    def write() -> None:
        wait = after_seconds
        while not ended.wait(wait):
            progress.show()
            wait = _EVERY_SECONDS

    thread = Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        progress.wipe()
