"""Whether a confined process is confined: harmless tries of what it must not do, made inside of one.

``python -P -m quant_pipelines.sandbox.proof MEGABYTES`` is such a process. Nothing leaves the machine,
nothing is written, and what should succeed after all is undone at once.
"""

import errno
import mmap
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from quant_pipelines.sandbox.channel import end_after, hush, listen, tell
from quant_pipelines.sandbox.confine import DESCRIPTORS, confine
from quant_pipelines.sandbox.life import Life
from quant_pipelines.sandbox.start import environment
from quant_pipelines.sandbox.wire import Frame

_SECONDS = 30.0
_MEGABYTE = 1 << 20
_REFUSED = (errno.EPERM, errno.EACCES)


class ProvenProtection(NamedTuple):
    """A protection by name, what went through it (empty where it holds), and why this system has none."""

    name: str
    found: str
    lacking: str


def prove(secret: Path, megabytes: int) -> list[ProvenProtection]:
    """Start a confined process, and have it try.

    Parameters
    ----------
    secret
        File that it must not be able to read.
    megabytes
        Of address space that it may take.

    Raises
    ------
    StrategyMissed
        If it does not start or does not answer.
    """
    ours, theirs = os.pipe()  # descriptors that an heir would have
    for inherited in (ours, theirs):
        os.set_inheritable(inherited, True)
    try:
        with tempfile.TemporaryDirectory(prefix="quant-proof-") as folder:
            return _asked(Path(folder), secret, megabytes)
    finally:
        os.close(ours)
        os.close(theirs)


def _asked(folder: Path, secret: Path, megabytes: int) -> list[ProvenProtection]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        life = Life("proof", folder, megabytes)
        try:
            life.wait_ready(_SECONDS)
            question = {"secret": str(secret), "port": server.getsockname()[1], "seconds": _SECONDS}
            life.send(Frame(question | {"megabytes": megabytes, "runner": os.getpid()}, {}), _SECONDS)
            answer = life.read().document
        finally:
            life.end()
    return [ProvenProtection(*one) for one in answer["protections"]]


def _environment(asked: dict[str, Any]) -> str:
    more = sorted(set(os.environ) - set(environment()) - {"LC_CTYPE"})  # Python sets that one itself
    return f"finds {', '.join(more)}" if more else ""


def _descriptors(asked: dict[str, Any]) -> str:
    found = [number for number in range(3, DESCRIPTORS) if _is_open(number)]
    return f"finds {len(found)} open ones" if found else ""


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _network(asked: dict[str, Any]) -> str:
    with socket.create_connection(("127.0.0.1", asked["port"]), 1.0):
        return "reaches this machine's own ports"


def _reading(asked: dict[str, Any]) -> str:
    with Path(asked["secret"]).open("rb"):
        return "opens a file of the home"


def _writing(asked: dict[str, Any]) -> str:
    with tempfile.TemporaryFile(dir="."):
        return "makes a file"


def _processes(asked: dict[str, Any]) -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "starts a process"


def _signals(asked: dict[str, Any]) -> str:
    os.kill(asked["runner"], 0)
    return "may signal the runner"


def _memory(asked: dict[str, Any]) -> str:
    with mmap.mmap(-1, asked["megabytes"] * _MEGABYTE):
        return f"maps more than {asked['megabytes']} MB"


_TRIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "environment": _environment,
    "descriptors": _descriptors,
    "network": _network,
    "reading": _reading,
    "writing": _writing,
    "processes": _processes,
    "signals": _signals,
    "memory": _memory,
}
_CLOSED_BY = {"reading": "files"} | dict.fromkeys(("network", "writing", "processes", "signals"), "calls")


def _tried(name: str, asked: dict[str, Any], lacking: dict[str, str]) -> ProvenProtection:
    try:
        found = _TRIES[name](asked)
    except OSError as error:
        is_refused = error.errno in _REFUSED or (name == "memory" and error.errno == errno.ENOMEM)
        found = "" if is_refused else f"{type(error).__name__}: {error}"
    return ProvenProtection(name, found, lacking.get(_CLOSED_BY.get(name, ""), ""))


def main() -> None:
    """Try everything, and tell what came of it."""
    hush()
    lacking = confine(int(sys.argv[1]))
    tell({"answer": lacking})
    asked = listen().document
    end_after(asked["seconds"])
    tell({"protections": [_tried(name, asked, lacking) for name in _TRIES]})


if __name__ == "__main__":
    main()
