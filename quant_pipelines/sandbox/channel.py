"""The confined end of the socket: frames over the descriptors 0 and 1, which need no network."""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from quant_pipelines.sandbox.wire import Frame, packed, read_frame

_STDIN, _STDOUT = 0, 1
_GRACE_SECONDS = 5.0


class CallerGone(Exception):
    """Whoever asked has gone."""


def ask(document: Mapping[str, Any]) -> Frame:
    """Ask the caller something in the middle of an answer."""
    tell(document)
    return listen()


def listen() -> Frame:
    """Read the next frame.

    Raises
    ------
    CallerGone
        If there is none to come.
    """
    return read_frame(_read)


def tell(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Write a frame."""
    data = memoryview(packed(document, arrays or {}))
    while data:
        data = data[os.write(_STDOUT, data) :]


def end_after(seconds: float) -> None:
    """Have the kernel end this process soon after its caller would have, if that has died; 0 is never."""
    signal.setitimer(signal.ITIMER_REAL, seconds and seconds + _GRACE_SECONDS)


def hush() -> None:
    """Keep what a strategy prints out of the answers."""
    sys.stdout = sys.stderr


def _read(size: int) -> bytearray:
    found = bytearray()
    while len(found) < size:
        part = os.read(_STDIN, size - len(found))
        if not part:
            raise CallerGone
        found += part
    return found
