"""Runs a whole stack in the foreground: plan, files, supervisor."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.strategies_place import strategies_folder
from quant_pipelines.stack.home import locked, open_home
from quant_pipelines.stack.log_files import turned_over
from quant_pipelines.stack.ports import choose_ports
from quant_pipelines.stack.services import build_services, plan_stack, write_dagster_files
from quant_pipelines.stack.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line asks for.

    Parameters
    ----------
    home
        Folder that holds all state.
    port
        Port of the UI on 127.0.0.1.
    with_runner
        Whether the live runner is started.
    """

    home: Path
    port: int
    with_runner: bool


def run_stack(
    options: UpOptions,
    settings: Settings,
    *,
    announce: Callable[[str], None],
    on_ready: Callable[[dict[str, Any]], None],
) -> None:
    """Start everything, keep it running until a signal, stop it.

    Parameters
    ----------
    options
        What the command line asks for.
    settings
        Settings of the stack; its processes read them again from the same places.
    announce
        Receives one line for each service, and for each thing that goes wrong.
    on_ready
        Receives the services document once, when everything runs for the first time.

    Raises
    ------
    ConfigurationError
        If the home is in use, the UI's port is taken, or something can't start.
    """
    home = open_home(options.home)
    with locked(home):
        ports = choose_ports(home.ports_file, options.port, settings.gateway.port)
        plan = plan_stack(home, settings, os.environ, ports=ports, with_runner=options.with_runner)
        write_dagster_files(plan)
        document: dict[str, Any] = {
            "pid": os.getpid(),
            "home": str(home.folder),
            "ui": plan.ui_url,
            "console": f"{plan.gateway_url}{settings.gateway.root_path}/console",
            "venue": plan.venue_url or settings.exchange.base_url or settings.exchange.id,
            "strategies": str(strategies_folder(settings.strategies_folder).absolute()),
            "started_at": utc_now().isoformat(timespec="seconds"),
            "services": [],
        }

        def write(services: list[dict[str, Any]]) -> None:
            document["services"] = services
            home.write_services(document)

        announce(f"home {home.folder}, logs in {home.logs}")
        supervisor = Supervisor(
            build_services(plan),
            announce=announce,
            on_change=write,
            on_all_ready=lambda: on_ready(document),
        )
        with turned_over(home.logs, settings.logs, announce):
            supervisor.run()
