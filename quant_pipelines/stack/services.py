"""The table of services of one machine: command lines, order, addresses.

Processes know each other by command line, environment and rows only; nothing here is imported by them.
"""

import json
import os
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from quant_pipelines.core.secret_variables import (
    BOT_VARIABLE,
    CHANNELS_VARIABLE,
    MASTER_VARIABLES,
    PRIVATE_VARIABLES,
    SECRET_VARIABLES,
)
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.telemetry_settings import MeasuredProcess, MetricsSettings
from quant_pipelines.stack.archive_market import archive_folder, archive_symbols
from quant_pipelines.stack.home import Home
from quant_pipelines.stack.ports import Ports, answers
from quant_pipelines.stack.postgres_server import PostgresServer
from quant_pipelines.stack.process import Command
from quant_pipelines.stack.service import Service, always_ready
from quant_pipelines.store.database_url import dagster_url, require_database_url
from quant_pipelines.telemetry.table import ALL

CODE_LOCATION = "quant_pipelines"
_DAGSTER_YAML = Path(__file__).with_name("dagster.yaml")
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What is decided before anything starts.

    Parameters
    ----------
    home
        Where state lives.
    ports
        Ports of this start.
    postgres
        The embedded server; None when the settings name a database.
    database_url
        The product database.
    venue_url
        Address of the simulator; empty when the exchange itself is used.
    with_runner
        Whether the live runner is started.
    archive
        Folder of recorded history that the simulator plays; None plays the synthetic market.
    gateway_host
        Address that the gateway listens on.
    metrics
        Where processes show what they measure; a port of 0 is the one of this start.
    symbols
        Universe and whitelist, where the archive decides them; empty leaves both to the settings.
    with_telegram
        Whether commands are taken from Telegram: there is a bot's token.
    has_vault
        Whether secrets came from a Vault, into the environment of this process.
    """

    home: Home
    ports: Ports
    postgres: PostgresServer | None
    database_url: str
    venue_url: str
    with_runner: bool
    archive: Path | None = None
    gateway_host: str = _HOST
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    symbols: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    with_telegram: bool = False
    has_vault: bool = False

    @property
    def ui_url(self) -> str:
        """Address of the Dagster UI."""
        return f"http://{_HOST}:{self.ports.webserver}"

    @property
    def gateway_url(self) -> str:
        """Address of the API and the console."""
        return f"http://{self.gateway_host}:{self.ports.gateway}"

    def metrics_port(self, process: MeasuredProcess) -> int:
        """Port on which a process shows its metrics; 0 where none does."""
        named = self.metrics.port_of(process)
        return (named or self.ports.metrics_of(process)) if self.metrics.is_exposed else 0

    def metrics_url(self, process: MeasuredProcess) -> str:
        """Address of the metrics of a process; empty where it shows none."""
        port = self.metrics_port(process)
        return f"http://{self.metrics.host}:{port}/metrics" if port else ""

    def environment(self) -> dict[str, str]:
        """Whole environment of every child but runner, watchdog, gateway, telegram, which see secrets."""
        dagster = self.home.dagster
        given = {
            "QUANT_HOME": str(self.home.folder),
            "QUANT_DATABASE_URL": self.database_url,
            "DAGSTER_HOME": str(dagster),
            "DAGSTER_PG_URL": dagster_url(self.database_url),
            "DAGSTER_ARTIFACTS": str(dagster / "artifacts"),
            "DAGSTER_COMPUTE_LOGS": str(dagster / "compute_logs"),
            "PYTHONUNBUFFERED": "1",
        }
        if self.has_vault:
            # What it holds was read at the start: who is started again while it is away needs it no more.
            given["QUANT_VAULT__ADDRESS"] = ""
        if self.venue_url:
            given["QUANT_EXCHANGE__BASE_URL"] = self.venue_url
        given |= {f"QUANT_METRICS__{name.upper()}_PORT": f"{self.metrics_port(name)}" for name in ALL}
        given |= {f"QUANT_MARKET__{name.upper()}": ",".join(names) for name, names in self.symbols.items()}
        seen = {name: value for name, value in os.environ.items() if name not in PRIVATE_VARIABLES}
        return seen | given


def plan_stack(
    home: Home, settings: Settings, variables: Mapping[str, str], *, ports: Ports, with_runner: bool
) -> StackPlan:
    """Decide what runs: our own database unless one is named, the simulator unless an exchange is.

    ``QUANT_ARCHIVE`` names the folder that the simulator plays.

    Raises
    ------
    ConfigurationError, DataError
        If the database's URL is not one, or the archive has no 1-minute bars.
    """
    if settings.database_url:
        require_database_url(settings.database_url)
    postgres = None if settings.database_url else PostgresServer(home.folder, ports.postgres)
    is_simulated = settings.exchange.base_url is None and not variables.get("EXCHANGE")
    archive = archive_folder(variables) if is_simulated else None
    return StackPlan(
        home=home,
        ports=ports,
        postgres=postgres,
        database_url=postgres.url() if postgres else settings.database_url,
        venue_url=f"http://{_HOST}:{ports.simulator}" if is_simulated else "",
        with_runner=with_runner,
        archive=archive,
        gateway_host=settings.gateway.host,
        metrics=settings.metrics,
        symbols={} if archive is None else archive_symbols(archive, settings.market),
        with_telegram=bool(variables.get(BOT_VARIABLE)),
        has_vault=bool(settings.vault.address),
    )


def write_dagster_files(plan: StackPlan) -> None:
    """Put Dagster's instance and workspace files where DAGSTER_HOME is."""
    plan.home.dagster.joinpath("dagster.yaml").write_text(_DAGSTER_YAML.read_text())
    server = {"host": _HOST, "port": plan.ports.code_server, "location_name": CODE_LOCATION}
    # JSON is YAML, and needs no YAML library here.
    plan.home.workspace_file.write_text(json.dumps({"load_from": [{"grpc_server": server}]}) + "\n")


def build_services(plan: StackPlan) -> list[Service]:
    """Every service of the plan, in the order of starting where nothing else decides."""
    venue = _simulator(plan) if plan.venue_url else []
    venue_names = tuple(service.name for service in venue)
    return [
        _code_server(plan),
        *venue,
        *_database(plan),
        _python_service(plan, "instance", ("-m", "quant_pipelines.dagster_instance"), after=("database",)),
        *_dagster(plan),
        *(_runner(plan, after=("database", *venue_names)) if plan.with_runner else []),
        _pages(plan),
        _gateway(plan),
        # After the UI, so that it costs nobody a second of waiting for it.
        *_collector(plan, after=("database", "webserver", *venue_names)),
        _watchdog(plan),
        *(_telegram(plan) if plan.with_telegram else []),
    ]


def _command(plan: StackPlan, name: str, arguments: tuple[str, ...], *, nice: int = 0) -> Command:
    # -P keeps the working directory off the import path: a file there can't shadow a package.
    return Command(
        name, (sys.executable, "-P", *arguments), plan.home.log(name), plan.environment(), nice=nice
    )


def _with_secrets(command: Command, names: Iterable[str] = SECRET_VARIABLES) -> Command:
    given = {name: os.environ[name] for name in names if name in os.environ}
    return replace(command, environment={**command.environment, **given})


def _python_service(
    plan: StackPlan, name: str, arguments: tuple[str, ...], *, after: tuple[str, ...] = ()
) -> Service:
    return Service(name, lambda: _command(plan, name, arguments), after=after)


def _database(plan: StackPlan) -> list[Service]:
    prepare = ("-m", "quant_pipelines.stack.prepare_database")
    postgres = plan.postgres
    if postgres is None:
        return [_python_service(plan, "database", prepare)]
    port = plan.ports.postgres
    server = Service(
        "postgres",
        postgres.command,
        is_ready=lambda: answers(port),
        address=f"{_HOST}:{port}",
        stop_wave=2,
    )
    return [server, _python_service(plan, "database", prepare, after=("postgres",))]


def _simulator(plan: StackPlan) -> list[Service]:
    port = plan.ports.simulator
    played = () if plan.archive is None else ("--archive", str(plan.archive))
    home = ("--home", str(plan.home.folder))
    arguments = ("-m", "quant_pipelines.simulator", "--port", str(port), *home, *played)
    return [
        Service(
            "simulator",
            lambda: _command(plan, "simulator", arguments),
            is_ready=lambda: _serves(f"{plan.venue_url}/fapi/v1/ping"),
            address=plan.venue_url,
            stop_wave=1,
        )
    ]


def _code_server(plan: StackPlan) -> Service:
    port = plan.ports.code_server
    module = ("-m", "dagster", "api", "grpc", "-m", "quant_pipelines.definitions")
    arguments = (*module, "-h", _HOST, "-p", str(port), "--location-name", CODE_LOCATION)
    return Service(
        "code-server",
        lambda: _command(plan, "code-server", arguments, nice=10),
        is_ready=lambda: answers(port),
        address=f"{_HOST}:{port}",
        repeat=("instance",),
        stop_wave=1,
    )


def _dagster(plan: StackPlan) -> list[Service]:
    workspace = str(plan.home.workspace_file)
    port = plan.ports.webserver
    web = ("-m", "dagster_webserver", "-h", _HOST, "-p", str(port), "-w", workspace)
    daemon = ("-m", "dagster._daemon", "run", "-w", workspace)
    return [
        Service(
            "webserver",
            lambda: _command(plan, "webserver", web),
            after=("instance", "code-server"),
            is_ready=lambda: _serves(f"{plan.ui_url}/server_info"),
            address=plan.ui_url,
        ),
        Service(
            "daemon",
            lambda: _command(plan, "daemon", daemon),
            after=("instance", "code-server"),
            is_ready=always_ready,
        ),
    ]


def _pages(plan: StackPlan) -> Service:
    port = plan.ports.pages
    where = ("--folder", str(plan.home.reports), "--port", str(port))
    return Service(
        "pages",
        lambda: _command(plan, "pages", ("-m", "quant_pipelines.pages", *where), nice=10),
        after=("webserver",),
        is_ready=lambda: answers(port),
        address=f"http://{_HOST}:{port}",
    )


def _gateway(plan: StackPlan) -> Service:
    port = plan.ports.gateway
    where = ("--home", str(plan.home.folder), "--port", str(port), "--dagster", plan.ui_url)
    command = ("-m", "quant_pipelines.gateway", *where)
    return Service(
        "gateway",
        # It checks one-time codes, whose seeds only a master key opens.
        lambda: _with_secrets(_command(plan, "gateway", command), MASTER_VARIABLES),
        after=("database",),
        is_ready=lambda: answers(port, plan.gateway_host),
        address=plan.gateway_url,
        metrics=plan.metrics_url("gateway"),
    )


def _runner(plan: StackPlan, *, after: tuple[str, ...]) -> list[Service]:
    pulse = plan.home.runner_pulse
    arguments = ("-m", "live_runner", "--pulse", str(pulse))
    return [
        Service(
            "runner",
            lambda: _with_secrets(_command(plan, "runner", arguments)),
            after=after,
            is_ready=always_ready,
            pulse=pulse,
            metrics=plan.metrics_url("runner"),
        )
    ]


def _collector(plan: StackPlan, *, after: tuple[str, ...]) -> list[Service]:
    return [
        Service(
            "collector",
            lambda: _command(plan, "collector", ("-m", "live_runner.collector"), nice=5),
            after=after,
            is_ready=always_ready,
            metrics=plan.metrics_url("collector"),
        )
    ]


def _watchdog(plan: StackPlan) -> Service:
    arguments = ("-m", "quant_pipelines.cli", "watchdog", "--home", str(plan.home.folder))

    def command() -> Command:
        told = _with_secrets(_command(plan, "watchdog", arguments, nice=5), (CHANNELS_VARIABLE,))
        # Who is not started is not missed.
        missed = {} if plan.with_runner else {"QUANT_WATCHDOG__RUNNER_SECONDS": "0"}
        return replace(told, environment={**told.environment, **missed})

    metrics = plan.metrics_url("watchdog")
    return Service("watchdog", command, after=("database",), is_ready=always_ready, metrics=metrics)


def _telegram(plan: StackPlan) -> list[Service]:
    where = ("--home", str(plan.home.folder), "--gateway", plan.gateway_url)
    command = ("-m", "quant_pipelines.telegram", *where)
    return [
        Service(
            "telegram",
            lambda: _with_secrets(_command(plan, "telegram", command, nice=5), (BOT_VARIABLE,)),
            after=("database", "gateway"),
            is_ready=always_ready,
        )
    ]


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - loopback only
            return int(response.status) == 200
    except (OSError, ValueError):
        return False
