"""The folder that holds all state of one stack, and its lock: one `quant up` for each home."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quant_pipelines.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside a home.

    Parameters
    ----------
    folder
        The home itself; private to its owner.
    """

    folder: Path

    @property
    def logs(self) -> Path:
        """One log file for each service."""
        return self.folder / "logs"

    @property
    def reports(self) -> Path:
        """Pages of verdicts."""
        return self.folder / "reports"

    @property
    def ports_file(self) -> Path:
        """Ports of the last start."""
        return self.folder / "ports.json"

    @property
    def services_file(self) -> Path:
        """What the supervisor last knew of its services."""
        return self.folder / "services.json"

    @property
    def runner_pulse(self) -> Path:
        """Pulse of the live runner."""
        return self.folder / "runner.pulse"

    @property
    def audit_anchors(self) -> Path:
        """Ends of the audit log as they were seen, a line each day, outside of its database."""
        return self.folder / "audit.anchors"

    @property
    def telegram_file(self) -> Path:
        """Updates of Telegram that were taken."""
        return self.folder / "telegram.json"

    @property
    def lock_file(self) -> Path:
        """Held while the stack runs; contains the supervisor's process number."""
        return self.folder / "lock"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.folder / "dagster"

    @property
    def workspace_file(self) -> Path:
        """Tells webserver and daemon where the code server listens."""
        return self.dagster / "workspace.yaml"

    def log(self, service: str) -> Path:
        """Log file of a service."""
        return self.logs / f"{service}.log"

    def write_services(self, document: dict[str, Any]) -> None:
        """Replace the services file at once, so that a reader never sees half of it."""
        partial = self.services_file.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=2) + "\n")
        partial.replace(self.services_file)

    def read_services(self) -> dict[str, Any] | None:
        """Return what the supervisor last knew; None when it never ran."""
        try:
            document = json.loads(self.services_file.read_text())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None


def open_home(folder: Path) -> Home:
    """Home with its folders, made where they are missing.

    Raises
    ------
    ConfigurationError
        If the folder can't be made or written.
    """
    home = Home(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.logs.mkdir(exist_ok=True)
        home.dagster.mkdir(exist_ok=True)
        home.reports.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"home {str(folder)!r} can't be used: {error.strerror}; expected a folder that can be written, "
            "set by --home or QUANT_HOME"
        ) from error
    return home


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the home's lock; the system drops it when the process ends, however it ends.

    Raises
    ------
    ConfigurationError
        If another process holds it.
    """
    with home.lock_file.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"home {str(home.folder)!r} is in use by process {_holder(home)}; "
                "stop that stack, or choose another home with --home"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)


def is_locked(home: Home) -> bool:
    """Whether a supervisor runs on this home."""
    try:
        with home.lock_file.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def strategies_in_force(home: Home, explicit: str) -> str:
    """Strategies folder as given, else that of the stack that runs on a home; empty without both."""
    if explicit or not is_locked(home):
        return explicit
    return str((home.read_services() or {}).get("strategies", ""))


def _holder(home: Home) -> str:
    return home.lock_file.read_text().strip() or "?"
