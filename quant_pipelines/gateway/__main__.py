"""Process of the API and the console: ``python -P -m quant_pipelines.gateway --home H --port N``."""

import argparse
import gc
import os
import resource
import sys
from pathlib import Path

import uvicorn

from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.secret_variables import MASTER_VARIABLES
from quant_pipelines.core.telemetry_settings import LogSettings
from quant_pipelines.gateway.application import build_application, served
from quant_pipelines.gateway.console.routes import console_router
from quant_pipelines.gateway.dagster_runs import DagsterRuns
from quant_pipelines.gateway.measured import Measured
from quant_pipelines.gateway.services import Services
from quant_pipelines.gateway.verb_routes import prepare_verbs
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.settings import home_folder, settings_with_secrets
from quant_pipelines.stack.home import Home
from quant_pipelines.store.engine import connect
from quant_pipelines.telemetry.exposition import show_metrics
from quant_pipelines.telemetry.logs import write_logs

_POOL = 8
_STOP_SECONDS = 3
_LARGEST_MESSAGE = 4096  # readers of a stream have nothing to say
_KEEP_SECONDS = 75  # a program that asks each minute keeps its connection
_CONNECTIONS = 8192
_COLLECT_AFTER = 10_000  # objects; a request makes some thousand


def main() -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Serve the API and the console.")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dagster", default="", help="address of Dagster's webserver")
    given = parser.parse_args()
    write_logs(LogSettings())  # until the settings are read, which may fail
    try:
        _serve(given.home or home_folder(), given.port, given.dagster)
    except QuantError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the log's last line says why it did not start
        return 1
    return 0


def _serve(home: Path, port: int, dagster: str) -> None:
    settings = settings_with_secrets(MASTER_VARIABLES)
    write_logs(settings.logs)
    if not settings.database_url:
        raise ConfigurationError("QUANT_DATABASE_URL is empty; expected the URL of a PostgreSQL database")
    _allow_connections()
    prepare_verbs()
    engine = connect(settings.database_url, pool_size=_POOL)
    services = Services(KeyStore(engine, home, os.environ), settings, DagsterRuns(dagster))
    show_metrics("gateway", settings.metrics, Measured(engine, Home(home), settings.exchange.id).read)
    application = served(build_application(services, (console_router(),)))
    _leave_alone_what_stays()
    uvicorn.run(
        application,
        host=settings.gateway.host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # ours believe those alone that are listed
        server_header=False,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # a short message costs more to compress than to send
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=_KEEP_SECONDS,
    )


def _leave_alone_what_stays() -> None:
    """Have the garbage collector pass over what was loaded: it took a quarter of the time under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def _allow_connections() -> None:
    """Raise the own limit of descriptors: shells commonly give 1,024, and each reader keeps one."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if most == resource.RLIM_INFINITY else min(_CONNECTIONS, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    sys.exit(main())
