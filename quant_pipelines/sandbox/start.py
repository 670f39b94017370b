"""How a process for a strategy's text starts: by command line, with nothing of the caller's but a socket."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from quant_pipelines.core.jit import cache_home

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def environment() -> dict[str, str]:
    """Return all that such a process finds in its environment: where Python and compiled code are."""
    found = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": str(cache_home())}
    found |= dict.fromkeys(_ONE_THREAD, "1")
    if "PYTHONPATH" in os.environ:
        found["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return found


def start(module: str, folder: Path, *arguments: str) -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """Start a module of this package in an empty folder; it reads and writes the socket as 0 and 1."""
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-P", "-m", f"quant_pipelines.sandbox.{module}", *arguments)
    with theirs:
        child = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env=environment(),
            cwd=folder,
            start_new_session=True,  # a Ctrl+C is for the caller, whose end it sees at its socket
        )
    return child, ours
