"""Optimizations that a trigger or an approval asked for, and the triggers' states."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.store.market import SEEDED_BY
from quant_pipelines.store.tables import (
    deployments,
    optimization_requests,
    trigger_states,
    whitelist,
)
from quant_pipelines.store.tables.research import RequestKind, RequestStatus

PERFORMANCE: Final = "performance"
WHITELIST: Final = "whitelist"
OPEN: Final = "open"
DONE: Final = "done"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class OptimizationRequest:
    """One row of ``research.optimization_requests``; None asks for every strategy or timeframe."""

    id: int
    kind: RequestKind
    deployment_id: int | None
    strategy: str | None
    exchange: str
    symbol: str
    timeframe: str | None
    evidence: dict[str, Any]
    status: RequestStatus
    created_at: datetime

    @property
    def sentence(self) -> str:
        """What is asked for, and why."""
        unit = " ".join(part for part in (self.strategy, self.symbol, self.timeframe) if part)
        return f"request {self.id} ({self.kind}): {unit}: {self.evidence.get('reason', '')}"


def open_requests(connection: Connection, kind: RequestKind) -> list[OptimizationRequest]:
    """Read the requests of a kind that wait or run, oldest first."""
    columns = (optimization_requests.c[name] for name in OptimizationRequest.__slots__)
    query = (
        select(*columns)
        .where(optimization_requests.c.kind == kind, optimization_requests.c.status == OPEN)
        .order_by(optimization_requests.c.id)
    )
    return [OptimizationRequest(*row) for row in connection.execute(query)]


def close_request(connection: Connection, request_id: int, status: RequestStatus, at: datetime) -> None:
    """End a request: done or failed."""
    is_it = optimization_requests.c.id == request_id
    connection.execute(update(optimization_requests).where(is_it).values(status=status, closed_at=at))


def request_for_deployment(
    connection: Connection, deployment_id: int, evidence: dict[str, Any], at: datetime
) -> int | None:
    """Ask for an optimization of what a deployment trades; None when its last request is still open."""
    names = ("strategy", "exchange", "symbol", "timeframe")
    unit = connection.execute(
        select(*(deployments.c[name] for name in names)).where(deployments.c.id == deployment_id)
    ).one()
    values = {
        **dict(zip(names, unit, strict=True)),
        "kind": PERFORMANCE,
        "deployment_id": deployment_id,
        "evidence": evidence,
    }
    return _add(connection, values, at)


def request_for_symbol(
    connection: Connection, exchange: str, symbol: str, evidence: dict[str, Any], at: datetime
) -> int | None:
    """Ask for an optimization of a whole symbol; None when its last request is still open."""
    values = {"kind": WHITELIST, "exchange": exchange, "symbol": symbol, "evidence": evidence}
    return _add(connection, values, at)


def last_requests(connection: Connection, deployment_ids: Collection[int]) -> dict[int, datetime]:
    """When deployments last asked for an optimization; those that never did are left out."""
    mine, asked = optimization_requests.c.deployment_id, func.max(optimization_requests.c.created_at)
    query = select(mine, asked.label("at")).where(mine.in_(deployment_ids)).group_by(mine)
    return {row.deployment_id: row.at for row in connection.execute(query)}


def still_asking(connection: Connection, deployment_ids: Collection[int]) -> frozenset[int]:
    """Select those of the deployments whose last request is still open."""
    mine = optimization_requests.c.deployment_id
    query = select(mine).where(mine.in_(deployment_ids), optimization_requests.c.status == OPEN)
    return frozenset(connection.execute(query).scalars())


def symbols_without_search(connection: Connection, exchange: str) -> list[tuple[str, str]]:
    """Symbols that an operator put on the whitelist and for which no search was asked since, and who.

    That the nightly search has met the symbol meanwhile does not count: it brings no history.
    """
    asked = select(optimization_requests.c.id).where(
        optimization_requests.c.exchange == exchange,
        optimization_requests.c.symbol == whitelist.c.symbol,
        optimization_requests.c.kind == WHITELIST,
        optimization_requests.c.created_at >= whitelist.c.added_at,
    )
    query = (
        select(whitelist.c.symbol, whitelist.c.added_by)
        .where(whitelist.c.exchange == exchange, whitelist.c.added_by != SEEDED_BY, ~asked.exists())
        .order_by(whitelist.c.symbol)
    )
    return [(row.symbol, row.added_by) for row in connection.execute(query)]


def seeded_symbols(connection: Connection, exchange: str) -> list[str]:
    """Symbols that stand on the whitelist because the settings named them at the first start."""
    query = select(whitelist.c.symbol).where(
        whitelist.c.exchange == exchange, whitelist.c.added_by == SEEDED_BY
    )
    return sorted(connection.execute(query).scalars())


def close_abandoned(connection: Connection, exchange: str, at: datetime) -> int:
    """End the open requests of symbols that have left the whitelist; returns how many there were."""
    listed = select(whitelist.c.symbol).where(whitelist.c.exchange == exchange)
    left = (
        update(optimization_requests)
        .where(optimization_requests.c.exchange == exchange, optimization_requests.c.kind == WHITELIST)
        .where(optimization_requests.c.status == OPEN, optimization_requests.c.symbol.not_in(listed))
    )
    return connection.execute(left.values(status=FAILED, closed_at=at)).rowcount


def active_triggers(connection: Connection, deployment_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Names of the triggers that stood at the last look, of each deployment."""
    states = trigger_states.c
    standing = states.deployment_id.in_(deployment_ids) & states.is_active
    found: dict[int, set[str]] = {one: set() for one in deployment_ids}
    for row in connection.execute(select(states.deployment_id, states.name).where(standing)):
        found[row.deployment_id].add(row.name)
    return {one: frozenset(names) for one, names in found.items()}


def save_triggers(connection: Connection, readings: Mapping[int, Sequence[Any]], at: datetime) -> None:
    """Store readings of deployments (``name``, ``value``, ``threshold``, ``is_active``).

    The time of a change is kept.
    """
    rows = [(one, reading) for one, found in readings.items() for reading in found]
    asked: dict[str, Any] = {
        name: [getattr(reading, name) for _, reading in rows]
        for name in ("name", "value", "threshold", "is_active")
    }
    if rows:
        connection.execute(_SAVE_TRIGGERS, asked | {"ids": [one for one, _ in rows], "at": at})


# One statement for any number of rows: of parts it would be made, and planned, anew for each number.
_SAVE_TRIGGERS = text(
    "insert into trading.trigger_states as known "
    "(deployment_id, name, value, threshold, is_active, since, measured_at) "
    "select *, cast(:at as timestamptz), cast(:at as timestamptz) "
    "from unnest(cast(:ids as bigint[]), cast(:name as text[]), cast(:value as float8[]), "
    "cast(:threshold as float8[]), cast(:is_active as bool[])) "
    "on conflict (deployment_id, name) do update set value = excluded.value, threshold = excluded.threshold, "
    "is_active = excluded.is_active, measured_at = excluded.measured_at, "
    "since = case when known.is_active = excluded.is_active then known.since else excluded.since end"
)


def _add(connection: Connection, values: dict[str, Any], at: datetime) -> int | None:
    made = insert(optimization_requests).values(**values, status=OPEN, created_at=at)
    return connection.execute(
        made.on_conflict_do_nothing().returning(optimization_requests.c.id)
    ).scalar_one_or_none()
