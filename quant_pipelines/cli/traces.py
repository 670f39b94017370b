"""``quant traces``: the decision chain as traces of OpenTelemetry, sent to a collector."""

import argparse
import signal
import threading

from quant_pipelines.core.bounds import Bounds

_MINUTES = Bounds(0, 525_600)


def run(arguments: argparse.Namespace) -> int:
    """Send what was committed lately, and what comes until SIGTERM or SIGINT."""
    from datetime import timedelta
    from importlib.metadata import version
    from importlib.util import find_spec

    from quant_pipelines.cli.operator import opened
    from quant_pipelines.cli.output import print_answer
    from quant_pipelines.core.clock import utc_now
    from quant_pipelines.core.errors import ConfigurationError

    if find_spec("opentelemetry.exporter") is None:
        raise ConfigurationError(
            "the extra 'otel' is not installed; expected: pip install 'quant-pipelines[otel]'"
        )
    if not arguments.to.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"to is {arguments.to!r}; expected an address such as http://127.0.0.1:4318/v1/traces"
        )
    if fault := _MINUTES.fault("minutes", arguments.minutes):
        raise ConfigurationError(fault)
    from quant_pipelines.tracing.following import LAG, follow, send_between
    from quant_pipelines.tracing.otlp import TraceReceiver

    after = utc_now() - timedelta(minutes=arguments.minutes)
    collector = TraceReceiver(arguments.to, version("quant-pipelines"))
    with opened(arguments) as (engine, _):
        if arguments.once:
            count = send_between(engine, collector, after, utc_now() - LAG)
            print_answer(arguments, {"spans": count}, f"sent {count} spans to {arguments.to}")
        else:
            stopping = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            follow(engine, collector, after, clock=utc_now, stopping=stopping)
    collector.close()
    return 0
