"""Starts services as soon as what they need is ready, restarts what dies, stops everything in order.

One thread, one loop, no knowledge of what the services are.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, NamedTuple

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.stack.guard import GuardPipe
from quant_pipelines.stack.process import Command, log_tail, start, wait_for_end
from quant_pipelines.stack.pulse import Beat, read_beat
from quant_pipelines.stack.service import Service

State = Literal["waiting", "starting", "running", "done", "stopped"]
_READY: tuple[State, ...] = ("running", "done")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LONGEST_BACKOFF_SECONDS = 30.0
_STABLE_SECONDS = 60.0
_TRIES_BEFORE_FIRST_READY = 4
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_HUNG_SECONDS = 15.0
"""How long a pulse may stand still: fifteen beats."""
_ASLEEP_SECONDS = 5.0
"""A look that comes so late: this process, or the machine, was stopped itself."""


@dataclass(slots=True)
class _Child:
    """A service and what is known of its process."""

    service: Service
    state: State = "waiting"
    since: str = ""
    command: Command | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    not_before: float = 0.0
    backoff: float = 0.0
    exits: int = 0
    was_ready: bool = False
    is_restart: bool = False
    beat: Beat | None = None
    beat_at: float = 0.0

    def enter(self, state: State) -> None:
        self.state = state
        self.since = utc_now().isoformat(timespec="seconds")


def restart_pause(before: float, lived: float, first: float, *, is_uncovered: bool) -> float:
    """Wait before a restart, seconds.

    Parameters
    ----------
    before
        The pause before; 0 if there was none.
    lived
        How long the process has lived.
    first
        The pause after a long life.
    is_uncovered
        Whether it left a position that nothing covers: that waits for nobody, and does not count.

    Examples
    --------
    >>> restart_pause(4.0, 3.0, 1.0, is_uncovered=False)
    8.0
    >>> restart_pause(4.0, 3.0, 1.0, is_uncovered=True)
    0.0
    """
    if is_uncovered:
        return 0.0
    is_first = not before or lived > _STABLE_SECONDS
    return first if is_first else min(before * 2, _LONGEST_BACKOFF_SECONDS)


class Patience(NamedTuple):
    """How long the supervisor waits, seconds.

    Parameters
    ----------
    first_backoff
        Before the first restart of a service that died; doubled each time. What died with a position that
        nothing covers starts again at once.
    hung
        For a pulse that stands still, until its service is ended.
    """

    first_backoff: float = 1.0
    hung: float = _HUNG_SECONDS


class Supervisor:
    """Runs a table of services until it is asked to stop.

    Parameters
    ----------
    services
        In the order of starting where nothing else decides.
    announce
        Receives one line for each thing a person wants to know.
    on_change
        Receives the list of services, as JSON values, whenever a state changed.
    on_all_ready
        Called once, when every service is ready for the first time.
    patience
        How long it waits.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        announce: Callable[[str], None],
        on_change: Callable[[list[dict[str, Any]]], None],
        on_all_ready: Callable[[], None],
        patience: Patience = Patience(),  # noqa: B008 - a tuple
    ) -> None:
        self._children = {service.name: _Child(service) for service in services}
        self._announce = announce
        self._on_change = on_change
        self._on_all_ready = on_all_ready
        self._patience = patience
        self._guard = GuardPipe()
        self._stopping = threading.Event()
        self._all_ready = False
        self._begun = self._looked = time.monotonic()

    def run(self) -> None:
        """Start everything, keep it running, and stop it at SIGINT, SIGTERM or SIGHUP.

        Raises
        ------
        ConfigurationError
            If a step failed, or a service never became ready; everything is stopped then.
        """
        before = {number: signal.signal(number, self._ask_to_stop) for number in _STOP_SIGNALS}
        with self._guard:
            try:
                while not self._stopping.is_set():
                    self._tick()
                    self._stopping.wait(_LOOK_SECONDS if self._all_ready else 0.05)
            finally:
                self._stop_all()
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _tick(self) -> None:
        before = [child.state for child in self._children.values()]
        self._end_what_hangs()
        for child in self._children.values():
            if child.state == "waiting":
                self._start_when_possible(child)
            elif child.state != "done" and child.process is not None and child.process.poll() is not None:
                self._handle_exit(child, child.process.returncode)
            elif child.state == "starting":
                self._notice_readiness(child)
        after = [child.state for child in self._children.values()]
        if after != before:
            self._publish()
        if not self._all_ready and all(state in _READY for state in after):
            self._all_ready = True
            self._on_all_ready()

    def _end_what_hangs(self) -> None:
        """Kill a service whose pulse stands still; its exit is handled like any other."""
        now = time.monotonic()
        was_asleep, self._looked = now - self._looked > _ASLEEP_SECONDS, now
        for child in self._children.values():
            beat = read_beat(child.service.pulse)
            if beat is None or child.process is None or beat.pid != child.process.pid:
                continue
            if beat != child.beat or was_asleep:
                child.beat, child.beat_at = beat, now
            elif now - child.beat_at > self._patience.hung and child.process.poll() is None:
                self._announce(f"{child.service.name:<12} hangs for {self._patience.hung:.0f} s; it is ended")
                child.process.kill()

    def _start_when_possible(self, child: _Child) -> None:
        needed = child.service.after + (child.service.repeat if child.is_restart else ())
        is_due = time.monotonic() >= child.not_before
        if self._stopping.is_set() or not is_due:
            return
        if all(self._children[name].state in _READY for name in needed):
            child.command = child.service.command()
            child.process = start(child.command)
            child.started = time.monotonic()
            self._guard.watch(child.process.pid)
            child.enter("starting")

    def _notice_readiness(self, child: _Child) -> None:
        if child.service.is_ready is not None and child.service.is_ready():
            child.enter("running")
            child.was_ready = True
            self._announce_ready(child)

    def _handle_exit(self, child: _Child, code: int) -> None:
        self._kill_remains(child)
        if child.service.is_step and code == 0:
            child.enter("done")
            child.was_ready = True
            return
        self._give_up_if_hopeless(child, code)
        last = read_beat(child.service.pulse)
        lived = time.monotonic() - child.started
        child.backoff = restart_pause(
            child.backoff, lived, self._patience.first_backoff, is_uncovered=bool(last and last.uncovered)
        )
        child.exits += 1
        child.not_before = time.monotonic() + child.backoff
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self._announce(
            f"{child.service.name:<12} ended with {how}; starts again in {child.backoff:.0f} s "
            f"({child.command.log if child.command else 'no log'})"
        )
        child.is_restart = True
        child.enter("waiting")
        for name in child.service.repeat:
            self._children[name].enter("waiting")

    def _give_up_if_hopeless(self, child: _Child, code: int) -> None:
        tries = 1 if child.service.is_step else _TRIES_BEFORE_FIRST_READY
        if child.was_ready or child.exits + 1 < tries or child.command is None:
            return
        last = log_tail(child.command.log, 1) or f"it ended with exit code {code}"
        if child.service.is_step:
            raise ConfigurationError(last)
        raise ConfigurationError(f"{child.service.name} does not start; {child.command.log} ends: {last}")

    def _kill_remains(self, child: _Child) -> None:
        if child.process is not None:
            wait_for_end(child.process, timeout_seconds=0)
            self._guard.forget(child.process.pid)

    def _stop_all(self) -> None:
        """Stop wave by wave; within a wave all at once."""
        alive = [child for child in self._children.values() if child.process and child.command]
        for wave in sorted({child.service.stop_wave for child in alive}):
            members = [child for child in alive if child.service.stop_wave == wave]
            for child in members:
                if child.process and child.command and child.process.poll() is None:
                    child.process.send_signal(child.command.stop_signal)
            deadline = time.monotonic() + _STOP_SECONDS
            for child in members:
                if child.process and child.command:
                    left = max(0.0, deadline - time.monotonic())
                    wait_for_end(child.process, timeout_seconds=left)
                    self._guard.forget(child.process.pid)
                    child.enter("stopped")
        self._publish()

    def _publish(self) -> None:
        self._on_change(
            [
                {
                    "name": child.service.name,
                    "state": child.state,
                    "since": child.since,
                    "address": child.service.address,
                    "metrics": child.service.metrics,
                    "pid": child.process.pid if child.process and child.process.poll() is None else None,
                    "restarts": child.exits,
                }
                for child in self._children.values()
            ]
        )

    def _announce_ready(self, child: _Child) -> None:
        took = time.monotonic() - (child.started if child.is_restart else self._begun)
        address = child.service.address or "running"
        self._announce(f"{child.service.name:<12} {address:<32} after {took:.1f} s")
