"""What the routes work with: the database, the settings, Dagster, the time. Everything is handed in."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import Request
from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.gateway_settings import GatewaySettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.gateway.pace import CallerPace
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.operations.key_store import KeyStore


class LaunchUnknown(Refused):
    """A run was asked for, and it is not known whether it was started."""


class Runs(Protocol):
    """Whoever starts runs of jobs."""

    def launch(self, job: str, config: dict[str, Any], tags: dict[str, str]) -> str:
        """Start a run and return its id.

        Raises
        ------
        Refused
            If nobody is there (503), or the run is refused (409): it was not started.
        LaunchUnknown
            If it was asked for and no answer came (503).
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Collaborators of the routes.

    Parameters
    ----------
    store
        Product database, and what opens the seeds of its users.
    settings
        Settings of the stack.
    runs
        Starts runs of jobs.
    pace
        How many requests each caller may make.
    """

    store: KeyStore
    settings: Settings
    runs: Runs
    pace: CallerPace = field(default_factory=CallerPace)

    @property
    def engine(self) -> Engine:
        """Product database."""
        return self.store.engine

    @property
    def clock(self) -> Clock:
        """Time of every decision here."""
        return self.store.clock

    @property
    def rules(self) -> GatewaySettings:
        """Settings of this process."""
        return self.settings.gateway


def services_of(request: Request) -> Services:
    """Collaborators of the application that a request came to; a dependency of routes."""
    services: Services = request.app.state.services
    return services
