"""``quant watchdog``: sends the alerts, and alerts when runner, data or database fall silent."""

import argparse
import signal
import threading

from quant_pipelines.cli.operator import home_of


def run(arguments: argparse.Namespace) -> int:
    """Watch until SIGTERM or SIGINT; what it needs is imported here, for it must stay small."""
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.core.secret_variables import CHANNELS_VARIABLE
    from quant_pipelines.notify.dispatch import rules_of
    from quant_pipelines.notify.watchdog import Watchdog
    from quant_pipelines.settings import settings_with_secrets
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.server import database_url_of
    from quant_pipelines.store.engine import connected
    from quant_pipelines.telemetry.exposition import show_metrics
    from quant_pipelines.telemetry.logs import write_logs

    settings = settings_with_secrets({CHANNELS_VARIABLE})
    url = database_url_of(Home(home_of(arguments)), settings)
    if not url:
        raise ConfigurationError(
            "nothing is there to be watched; start 'quant up', or set QUANT_DATABASE_URL"
        )
    write_logs(settings.logs)
    show_metrics("watchdog", settings.metrics)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with connected(url) as engine:
        Watchdog(engine, rules_of(settings.alerts), settings.watchdog).run(stopping)
    return 0
