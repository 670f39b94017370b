"""One row of the table of services: what it needs, how it starts, how it shows that it is ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quant_pipelines.stack.process import Command


@dataclass(frozen=True, slots=True)
class Service:
    """A supervised process.

    Parameters
    ----------
    name
        As shown and as its log is called.
    command
        Builds the command line; called at every start.
    after
        Services that must be ready (steps: done) before this one starts.
    is_ready
        Asked until it says yes. None makes it a step: it is done when it ends with exit code 0.
    address
        Where it answers, as shown.
    repeat
        Steps that run again before a restart of this service.
    stop_wave
        The lowest wave is stopped first.
    metrics
        Where it shows its metrics; empty where it shows none.
    pulse
        File that the process writes every second: when it stops doing so, the process is ended. None watches
        nothing.
    """

    name: str
    command: Callable[[], Command]
    after: tuple[str, ...] = ()
    is_ready: Callable[[], bool] | None = None
    address: str = ""
    repeat: tuple[str, ...] = ()
    stop_wave: int = 0
    pulse: Path | None = None
    metrics: str = ""

    @property
    def is_step(self) -> bool:
        """Whether it ends by itself."""
        return self.is_ready is None


def always_ready() -> bool:
    """Readiness of a service that answers nowhere: it is ready once it runs."""
    return True
