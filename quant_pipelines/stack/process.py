"""One child process: how it is started, and how it is stopped.

A child dies with its parent (Linux): the parent-death signal is bound to the *thread* that started it, so
children are started from the main thread only.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Parameters
    ----------
    name
        Name of the service, as shown and as its log is called.
    arguments
        Program and its arguments.
    log
        File that the child's output is appended to.
    environment
        The child's whole environment.
    owner
        Account that the child runs as; None keeps ours.
    nice
        Added to the scheduling niceness.
    stop_signal
        Signal that asks the child to end.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    owner: pwd.struct_passwd | None = None
    nice: int = 0
    stop_signal: signal.Signals = signal.SIGTERM


def _before_exec(stop_signal: signal.Signals, nice: int) -> Callable[[], None]:
    parent = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)
        # A script that starts us in its background has us ignore SIGINT; children would inherit that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if nice:
            os.nice(nice)

    return prepare


def start(command: Command) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches the supervisor only."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    owner = command.owner
    with command.log.open("ab") as log:
        return subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            cwd="/" if owner else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before_exec(command.stop_signal, command.nice),  # noqa: PLW1509 - it only makes system calls
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, *, timeout_seconds: float) -> int:
    """Ask a child to end, wait, then kill whatever is left of its session.

    Returns
    -------
    int
        Exit code; negative when a signal ended it.
    """
    if process.poll() is None:
        process.send_signal(stop_signal)
    return wait_for_end(process, timeout_seconds=timeout_seconds)


def wait_for_end(process: subprocess.Popen[bytes], *, timeout_seconds: float) -> int:
    """Wait for a child that was asked to end, then kill whatever is left of its session.

    Returns
    -------
    int
        Exit code; negative when a signal ended it.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout_seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def log_tail(log: Path, lines: int = 20) -> str:
    """Last lines of a log, as text; empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
