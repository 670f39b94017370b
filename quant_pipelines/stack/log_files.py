"""Keeps the logs of services small: one that has grown is copied beside itself, and goes on empty.

The supervisor does it for all of them, also for those that are not ours; no service waits for it or opens its
log again. A line that is written in the very moment of the turn can be lost.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from quant_pipelines.core.telemetry_settings import LogSettings

_LOOK_SECONDS = 5.0
_MEGABYTE = 1_000_000


@contextmanager
def turned_over(folder: Path, settings: LogSettings, announce: Callable[[str], None]) -> Iterator[None]:
    """Turn the logs of a folder over for as long as the block runs.

    Parameters
    ----------
    folder
        Holds one ``.log`` for each service.
    settings
        How large one may become, and how many are kept.
    announce
        Receives one line when a log can't be turned over.
    """
    stopping = threading.Event()

    def look() -> None:
        told: set[str] = set()
        while not stopping.wait(_LOOK_SECONDS):
            for file in sorted(folder.glob("*.log")):
                try:
                    turn_over(file, settings)
                except OSError as error:
                    if file.name not in told:
                        told.add(file.name)
                        announce(f"log {file} can't be turned over: {error}; it goes on growing")

    thread = threading.Thread(target=look, name="logs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def turn_over(file: Path, settings: LogSettings) -> bool:
    """Copy a log that has become too large to ``.1``, older copies one further, and empty it.

    Returns
    -------
    bool
        Whether it was too large.

    Raises
    ------
    OSError
        If it can't be copied: the log is whole then.
    """
    if file.stat().st_size < settings.file_megabytes * _MEGABYTE:
        return False
    handler = RotatingFileHandler(file, backupCount=settings.files, delay=True)
    handler.rotator = _copied_and_emptied
    try:
        handler.doRollover()
    finally:
        handler.close()
    return True


def _copied_and_emptied(source: str, target: str) -> None:
    """Copy, for the service holds the file open: what it appends next begins at its start."""
    with Path(source).open("rb+") as file:
        with Path(target).open("wb") as copy:
            shutil.copyfileobj(file, copy, _MEGABYTE)
        file.truncate(0)
