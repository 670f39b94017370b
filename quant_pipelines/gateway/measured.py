"""What the rows and the supervisor say, as numbers that Prometheus reads.

Everything that is in the rows is shown here and by nobody else; they are read once in five seconds at most.
That the database is away is one of the numbers.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time, system_clock_ms
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.stages import LADDER
from quant_pipelines.gateway.source_ages import source_ages
from quant_pipelines.operations.outages import RUNNER, standing_outages
from quant_pipelines.stack.home import Home
from quant_pipelines.store import shown_rows
from quant_pipelines.store.alert_deliveries import open_alerts
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Heartbeat, read_heartbeats, standing_halts
from quant_pipelines.store.rate_budgets import read_rate_budgets
from quant_pipelines.store.search_queue import count_units
from quant_pipelines.store.views import current_deployments
from quant_pipelines.telemetry.registry import Sample

_KEPT_MS: Final = 5_000
_WAIT_SECONDS: Final = 2.0
_PAGE_BYTES: Final = 4096

_log = logging.getLogger(__name__)


class Measured:
    """Gauges of the rows of a stack.

    Parameters
    ----------
    engine
        Product database.
    home
        Where the supervisor writes what it knows of its services.
    exchange
        ccxt id whose scans are looked at.
    clock
        Time of a look.
    """

    def __init__(self, engine: Engine, home: Home, exchange: str, clock: Clock = system_clock_ms) -> None:
        self._engine = engine
        self._home = home
        self._exchange = exchange
        self._clock = clock
        self._looking = threading.Lock()
        self._known: list[Sample] = []
        self._known_ms = 0

    def read(self) -> list[Sample]:
        """Return everything as it is now; of the rows nothing but that while they can't be read."""
        return [*service_samples(self._home.read_services() or {}), *self._of_rows()]

    def _of_rows(self) -> list[Sample]:
        if not self._looking.acquire(timeout=_WAIT_SECONDS):
            return [Sample("quant_database_up", 0.0)]  # somebody waits for it already
        try:
            if abs(self._clock() - self._known_ms) >= _KEPT_MS:  # a clock may be put back
                self._known, self._known_ms = self._look(), self._clock()
            return self._known
        finally:
            self._looking.release()

    def _look(self) -> list[Sample]:
        now = clock_time(self._clock)
        try:
            with transaction(self._engine) as connection:
                found = [*row_samples(connection, now), *source_ages(connection, self._exchange, now)]
        except StoreError as error:
            _log.warning("rows are not measured", extra={"error": str(error)})
            return [Sample("quant_database_up", 0.0)]
        return [Sample("quant_database_up", 1.0), *found]


def service_samples(known: dict[str, Any]) -> Iterator[Sample]:
    """Tell what the supervisor knows of its services; steps that are done are none."""
    for service in known.get("services", []):
        name = (str(service["name"]),)
        if service["state"] == "done":
            continue
        yield Sample("quant_service_up", float(service["state"] == "running"), name)
        yield Sample("quant_service_restarts", float(service.get("restarts", 0)), name)
        if (resident := _resident_bytes(service.get("pid"))) is not None:
            yield Sample("quant_service_memory_bytes", resident, name)


def row_samples(connection: Connection, now: datetime) -> Iterator[Sample]:
    """Tell what is traded, what stands in the way, and what waits."""
    beats = read_heartbeats(connection)
    for name, beat in beats.items():
        yield Sample("quant_service_beat_age_seconds", max(0.0, (now - beat.at).total_seconds()), (name,))
    if (runner := beats.get(RUNNER)) is not None:
        yield from beat_samples(runner)
    yield from _books(connection)
    yield from _funds(connection)
    yield Sample("quant_halts", len(standing_halts(connection)))
    yield Sample("quant_alerts_open", open_alerts(connection)["open"])
    yield Sample("quant_outages", len(standing_outages(connection, now)))
    for status, count in count_units(connection).items():
        yield Sample("quant_search_units", count, (status,))
    for exchange, used in _requests(connection, now).items():
        yield Sample("quant_request_use_ratio", used, (exchange,))


def beat_samples(beat: Heartbeat) -> Iterator[Sample]:
    """Tell what the runner said last: states of deployments, and what accounts are worth."""
    for one in beat.detail.get("deployments", []):
        yield Sample("quant_trading_state", 1.0, (str(one["id"]), str(one["state"])))
    for account in beat.detail.get("accounts", []):
        nav, peak = account.get("nav"), account.get("peak_nav")
        if nav is None:
            continue
        yield Sample("quant_account_equity_quote", nav, (str(account["id"]),))
        if peak:
            yield Sample("quant_drawdown_ratio", max(0.0, 1.0 - nav / peak), (str(account["id"]),))


def _books(connection: Connection) -> Iterator[Sample]:
    equities = dict[int, float]()
    for row in current_deployments(connection):
        for one in (row, *row["legs"]) if row["stage"] in LADDER else ():
            name = (str(one["id"]),)
            yield Sample("quant_capital_quote", float(one["capital"]), name)
            if one["equity"] is not None:
                equities[one["id"]] = float(one["equity"])
                yield Sample("quant_equity_quote", equities[one["id"]], name)
    for held in shown_rows.positions_held(connection):
        equity = equities.get(held["deployment_id"], 0.0)
        if equity > 0.0 and held["price"] is not None:
            share = abs(float(held["quantity"])) * float(held["price"]) / equity
            yield Sample("quant_exposure_ratio", share, (str(held["deployment_id"]),))


def _funds(connection: Connection) -> Iterator[Sample]:
    for limit in shown_rows.limits_shown(connection):
        if limit["in_force"] is not None:
            yield Sample("quant_limit_value", float(limit["in_force"]), (limit["scope"], limit["name"]))
    for funds in shown_rows.newest_balances(connection):
        for name in ("wallet", "unrealized", "maintenance"):
            yield Sample(f"quant_{name}_quote", float(funds[name]), (str(funds["account"]),))


def _requests(connection: Connection, now: datetime) -> dict[str, float]:
    """Most of each exchange's allowance that any address has used."""
    most = dict[str, float]()
    for row in read_rate_budgets(connection, now):
        used = float(row["used"]) / row["limit"] if row["limit"] else 0.0
        most[row["exchange"]] = max(used, most.get(row["exchange"], 0.0))
    return most


def _resident_bytes(pid: int | None) -> float | None:
    """Memory of a process that is in RAM; None where the system does not tell."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return None
    return float(pages) * _PAGE_BYTES
