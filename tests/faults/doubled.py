"""Rows in PostgreSQL, and in memory for whoever examines them; the runner sees those of PostgreSQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import resolve_halts
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.postgres_journal import PostgresJournal
from tests.integration.runner.conftest import ensure_instrument, insert_deployment_at
from tests.memory_journal import MemoryJournal


class DoubledJournal:
    """`Journal` that writes to the server first; what the server refuses is not written to memory.

    Parameters
    ----------
    memory
        Rows that are examined.
    engine
        Database without a deployment.
    deployment
        What is deployed in it.
    """

    def __init__(self, memory: MemoryJournal, engine: Engine, deployment: Deployment) -> None:
        self._memory = memory
        self._engine = engine
        self._stored = PostgresJournal(engine)
        legs = [one.symbol for one in memory.deployments.values() if deployment.set_id is not None]
        with engine.begin() as connection:
            number = deployment.id if deployment.set_id is None else deployment.set_id
            first = f"alter table trading.deployments alter column id restart with {number}"
            connection.execute(text(first))
        columns = _columns(deployment)
        if legs:
            columns |= {"symbol": "+".join(legs), "capital": deployment.capital * len(legs)}
        whole = insert_deployment_at(engine, deployment.source, columns)
        with engine.begin() as connection:
            for one in (one for one in memory.deployments.values() if legs and one.instrument is not None):
                tick_size = str(one.instrument.tick_size)  # type: ignore[union-attr] - looked at above
                ensure_instrument(connection, one.exchange, one.symbol, tick_size)
            add_legs(connection, whole)

    def __getattr__(self, name: str) -> Any:
        stored = getattr(self._stored, name)
        if not callable(stored):
            return stored
        in_memory = getattr(self._memory, name)

        def both(*arguments: Any, **named: Any) -> Any:
            answer = stored(*arguments, **named)
            in_memory(*arguments, **named)
            return answer

        return both

    def resolve(self, source: str, at: datetime) -> None:
        """Resolve the halts of a source, as an operator does."""
        with transaction(self._engine) as connection:
            resolve_halts(connection, source, at)
        self._memory.resolve(source, at)


def _columns(deployment: Deployment) -> dict[str, Any]:
    names = ("timeframe", "stage", "venue", "capital", "history_start", "created_at", "settings")
    return {name: getattr(deployment, name) for name in names} | {"tick_size": "0.1"}
