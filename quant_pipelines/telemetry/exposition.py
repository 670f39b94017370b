"""Shows the metrics of a process on a port: ``GET /metrics``, in a thread that nobody waits for."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from quant_pipelines.core.telemetry_settings import MeasuredProcess, MetricsSettings
from quant_pipelines.telemetry.record import take_notes
from quant_pipelines.telemetry.registry import ProcessMetrics, ReadSamples

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_log = logging.getLogger(__name__)
_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds; who asks and does not read holds no thread for longer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Write nothing: somebody looks every few seconds."""


def show_metrics(
    process: MeasuredProcess, settings: MetricsSettings, read: ReadSamples = tuple
) -> ProcessMetrics | None:
    """Take notes of this process from now on, and show them; None where that is off.

    Parameters
    ----------
    process
        Who this is.
    settings
        Whether, and where. A port that is taken costs one line of the log: the process goes on without.
    read
        Gauges as they are at a look.
    """
    port = settings.port_of(process)
    if not port:
        return None
    metrics = ProcessMetrics(process, read)
    take_notes(metrics)
    # Binding may ask the system for names: nobody who trades waits for that.
    serving = threading.Thread(
        target=_serve, args=(metrics, settings.host, port), name="metrics", daemon=True
    )
    serving.start()
    return metrics


def _serve(metrics: ProcessMetrics, host: str, port: int) -> None:
    application: Any = _guarded(make_wsgi_app(metrics.registry), host)
    try:
        server = make_server(host, port, application, ThreadingWSGIServer, handler_class=_Quiet)
    except OSError as error:
        _log.warning(
            "metrics are not shown: port is taken or can't be used; the process goes on without",
            extra={"host": host, "port": port, "error": str(error)},
        )
        return
    server.serve_forever()


def _guarded(application: _Application, host: str) -> _Application:
    """Answer on loopback only to those who call it so: a page of somebody else may know the port."""
    if host not in _LOOPBACK:
        return application

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        called = str(environ.get("HTTP_HOST", "")).rpartition(":")[0].strip("[]")
        if called not in _LOOPBACK:
            start("421 Misdirected Request", [("Content-Type", "text/plain")])
            return [b"expected a loopback address as host\n"]
        return application(environ, start)

    return answer
