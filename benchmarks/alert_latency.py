"""Seconds from an alert's row to its message at a channel.

    PYTHONPATH=. python benchmarks/alert_latency.py [alerts]

The watchdog runs as under ``quant up``, with its rounds and a child process for each message; the channel is
a web hook of this machine that stamps what arrives, so a service's own time on its way is not measured. Rows
are committed by PostgreSQL with its fsync, at random moments of the watchdog's rounds.
"""

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np

from quant_pipelines.core.alert_settings import AlertSettings, WatchdogSettings
from quant_pipelines.core.clock import utc_now
from quant_pipelines.notify.dispatch import rules_of
from quant_pipelines.notify.watchdog import Watchdog
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.migrate import migrate

_ROUND_SECONDS = 3.0


@contextmanager
def hook(arrived: Queue[float]) -> Iterator[str]:
    """Channel that notes when a message is there."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(time.monotonic())
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"phone info json://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()


def measured(alerts: int) -> list[float]:
    """Seconds of each alert."""
    arrived: Queue[float] = Queue()
    with tempfile.TemporaryDirectory() as folder, hook(arrived) as channel:
        try:
            with EmbeddedPostgres(Path(folder), free_port()) as server:
                create_database(server.url("postgres"), "alerts")
                engine = connect(server.url("alerts"))
                migrate(engine)
                stopping = threading.Event()
                rules = rules_of(AlertSettings((channel,)))
                watchdog = Watchdog(engine, rules, WatchdogSettings())
                running = threading.Thread(target=watchdog.run, args=(stopping,))
                running.start()
                time.sleep(2 * _ROUND_SECONDS)
                found = [_told(engine, arrived, number) for number in range(alerts)]
                stopping.set()
                running.join()
                engine.dispose()
        finally:
            remove_place(Path(folder))
    return found


def _told(engine: Any, arrived: Queue[float], number: int) -> float:
    time.sleep(random.random() * _ROUND_SECONDS)  # noqa: S311
    began = time.monotonic()
    write_alert(engine, Alert("critical", "benchmark", f"alert {number}", utc_now()))
    return arrived.get(timeout=60) - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("alerts", type=int, nargs="?", default=25)
    load = os.getloadavg()[0]
    seconds = measured(parser.parse_args().alerts)
    low, middle, high = (round(float(one), 3) for one in np.quantile(seconds, (0.5, 0.95, 1.0)))
    told = {"alerts": len(seconds), "p50_s": low, "p95_s": middle, "worst_s": high, "aim_s": 5.0}
    print(json.dumps(told | {"load": [round(load, 1), round(os.getloadavg()[0], 1)]}))


if __name__ == "__main__":
    main()
