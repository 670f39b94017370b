"""A web hook on this machine that takes messages, refuses them, or hangs."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine, select

from quant_pipelines.core.alert_settings import AlertSettings, WatchdogSettings
from quant_pipelines.core.severities import Severity
from quant_pipelines.core.timeframes import day_start_ms, from_ms
from quant_pipelines.notify.courier import deliver
from quant_pipelines.notify.dispatch import Dispatch, rules_of
from quant_pipelines.notify.flights import Deliver
from quant_pipelines.notify.watchdog import Watchdog
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.tables import alert_deliveries, alerts

NOON = day_start_ms("2025-06-10") + 12 * 3_600_000


@dataclass
class Hook:
    """What arrived by path, which paths refuse, and which are slow: those take what is waited for yet."""

    port: int = 0
    taken: list[tuple[str, str, str]] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    holds: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def channel(self, name: str, severity: Severity = "info", minutes: int = 0) -> str:
        return f"{name} {severity} {minutes} json://127.0.0.1:{self.port}/{name}?token=TOPSECRET"

    def bodies(self, name: str) -> list[str]:
        return [body for path, _, body in self.taken if path == name]


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = self.path.strip("/").partition("?")[0]
            if name in found.slow:
                found.holds.set()
                found.goes_on.wait(60)
                if _has_gone(self.connection):
                    return
            refuses = name in found.refusing
            if not refuses:
                found.taken.append((name, body["title"], body["message"]))
            self.send_response(500 if refuses else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def _has_gone(client: socket.socket) -> bool:
    """Whether nobody waits for an answer any more."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@dataclass
class Desk:
    """A database with alerts, and a clock that is set by hand."""

    engine: Engine
    now_ms: int = NOON

    def clock(self) -> int:
        return self.now_ms

    @property
    def now(self) -> datetime:
        return from_ms(self.now_ms)

    def wait(self, **length: float) -> None:
        self.now_ms += int(timedelta(**length).total_seconds() * 1000)

    def alert(self, severity: Severity, source: str, message: str) -> None:
        write_alert(self.engine, Alert(severity, source, message, self.now))

    def dispatch(self, *channels: str, send: Deliver = deliver, **settings: Any) -> Dispatch:
        """A process that begins anew."""
        return Dispatch(self.engine, rules_of(AlertSettings(channels, **settings)), self.clock, send)

    def watchdog(self, *channels: str, **settings: Any) -> Watchdog:
        rules = rules_of(AlertSettings(channels))
        return Watchdog(self.engine, rules, WatchdogSettings(**settings), self.clock)

    def rows(self) -> list[tuple[int, str, str, int]]:
        """Alert, channel, state and tries of each delivery."""
        one = alert_deliveries.c
        query = select(one.alert_id, one.channel, one.state, one.tries).order_by(one.id)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def alerts(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(alerts).order_by(alerts.c.id)))


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)
