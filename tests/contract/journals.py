"""The implementations of the journal that the suite tries."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from sqlalchemy import Engine, event, text

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.deployments import Deployment, read_deployments
from quant_pipelines.store.heartbeats import resolve_halts
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.trading import (
    Booking,
    Fill,
    Income,
    Intent,
    Position,
)
from quant_pipelines.store.venue_orders import Received
from tests.integration.runner.conftest import insert_deployment_at
from tests.memory_journal import MemoryJournal, Moment
from tests.unit.live_runner.test_races import DEPLOYMENT

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FLAT = Position(Decimal(0), Decimal(0), Decimal(0), None)
LONG = Position(Decimal("0.3"), Decimal("100.1"), Decimal(0), Decimal("95.1"))
FUNDING = Income("funding", NOW, Decimal("-0.125"))


@dataclass(frozen=True)
class Bench:
    """A journal with one deployment in the first writer's epoch."""

    journal: Journal
    deployment: Deployment
    epoch: int
    break_commit: Callable[[Moment], None]
    """Let the connection break at the next commit, before or after it."""
    alerts: Callable[[], list[tuple[str, str, bool]]]
    """Severity, source, and whether it stands."""
    other: int
    """A second deployment."""

    resolve: Callable[[str, datetime], None]
    """Resolve the halts of a source, as an operator does."""

    def booking(self, bar_close: datetime = NOW, **changes: Any) -> Booking:
        whose = (self.deployment.id, "paper", self.deployment.symbol)
        return replace(Booking(*whose, bar_close, {"cash": 0.1}, FLAT), **changes)

    def received(self, **changes: Any) -> Received:
        whose = (self.deployment.id, "binanceusdm", self.deployment.symbol)
        return Received(*whose, **{"fills": (FILL,), "income": (FUNDING,), "position": LONG, **changes})

    def add_order(self, bar_close: datetime = NOW) -> Intent:
        added = replace(intent(bar_close), purpose="stop")
        self.journal.add_order(self.epoch, self.deployment, added, NOW)
        return added


FILL = Fill("17", None, "buy", Decimal("0.3"), Decimal("100.1"), Decimal("0.015"), "hard_stop", NOW)


def intent(bar_close: datetime = NOW) -> Intent:
    return Intent(f"q1-1-{bar_close:%H%M}-t", "buy", Decimal("0.5"), "target", bar_close)


def in_memory() -> Bench:
    other = replace(DEPLOYMENT, id=DEPLOYMENT.id + 1)
    journal = MemoryJournal([DEPLOYMENT, other])

    def break_commit(at: Moment) -> None:
        def breaks(moment: Moment) -> None:
            if moment == at:
                journal.at_commit = lambda _moment: None
                raise StoreError("the connection broke")

        journal.at_commit = breaks

    def alerts() -> list[tuple[str, str, bool]]:
        rows = journal.tables.alerts
        return [(alert.severity, alert.source, resolved_at is None) for alert, resolved_at in rows]

    opened = journal.open_epoch("test:1", NOW)
    return Bench(journal, DEPLOYMENT, opened, break_commit, alerts, other.id, journal.resolve)


def in_postgres(engine: Engine) -> Bench:
    for source in ("source", "another source"):
        insert_deployment_at(engine, source, {"venue": "binanceusdm"})
    with engine.begin() as connection:  # both trade one symbol of one account
        shared = (
            "update trading.deployments set account_id = (select min(account_id) from trading.deployments)"
        )
        connection.execute(text(shared))
    deployment, other = read_deployments(engine)
    journal = PostgresJournal(engine)

    def break_commit(at: Moment) -> None:
        def breaks(connection: Any) -> None:
            event.remove(engine, "commit", breaks)
            if at == "after":
                connection.connection.dbapi_connection.commit()
            raise psycopg.OperationalError("the connection broke")

        event.listen(engine, "commit", breaks)

    def alerts() -> list[tuple[str, str, bool]]:
        query = "select severity, source, resolved_at is null from ops.alerts order by id"
        with engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def resolve(source: str, at: datetime) -> None:
        with engine.begin() as connection:
            resolve_halts(connection, source, at)

    opened = journal.open_epoch("test:1", NOW)
    return Bench(journal, deployment, opened, break_commit, alerts, other.id, resolve)
