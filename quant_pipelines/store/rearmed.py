"""What a restart must still know of breakers and accounts that people let go on, read from the rows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.store.heartbeats import Heartbeat, trip_of
from quant_pipelines.store.tables import alerts, balances, deployments, equity

if TYPE_CHECKING:
    from quant_pipelines.trading.breaker import Event

RUNNER = "live_runner"
"""Service whose sign of life says what accounts were worth."""
_NEAR = timedelta(hours=1)
"""How far a balance may be from a moment that counts as that moment's: what was closed is worth the same."""
_NEWEST = 50
"""Rows that are looked at: a person re-arms less often than that in an hour."""


class EquityThen(NamedTuple):
    """Equity of one book at the close of a bar, quote."""

    at: datetime
    equity: float


class Rearmed(NamedTuple):
    """A person let a source (an account, a deployment) go on after an event, and what its books were worth.

    ``equity`` is by deployment, at the last bar that was booked by then; ``value`` is what a unit of the
    account was worth by the venue's nearest balance, None without one of that hour. Of ``account_loss`` only.
    """

    source: str
    event: "Event"
    at: datetime
    equity: Mapping[int, EquityThen] = MappingProxyType({})
    value: float | None = None


def read_rearmed(connection: Connection) -> tuple[Rearmed, ...]:
    """Read the newest re-arming of each source and event."""
    query = (
        select(alerts)
        .where(alerts.c.severity == "halt", alerts.c.resolved_at.is_not(None))
        .order_by(alerts.c.resolved_at.desc(), alerts.c.id.desc())
        .limit(_NEWEST)
    )
    newest: dict[tuple[str, Event], Rearmed] = {}
    for row in connection.execute(query).mappings():
        key = row["source"], trip_of(dict(row)).event
        if key not in newest:
            account_id, at = _account_of(row["source"]), row["resolved_at"]
            newest[key] = Rearmed(*key, at)
            if key[1] == "account_loss" and account_id is not None:
                worth = _equity_then(connection, account_id, at), _value_then(connection, account_id, at)
                newest[key] = Rearmed(*key, at, *worth)
    return tuple(newest.values())


def _account_of(source: str) -> int | None:
    kind, _, number = source.partition(":")
    return int(number) if kind == "account" and number.isdecimal() else None


def _value_then(connection: Connection, account_id: int, at: datetime) -> float | None:
    columns = balances.c
    distance = func.abs(func.extract("epoch", columns.at - at))
    query = (
        select((columns.wallet + columns.unrealized) / columns.units)
        .where(columns.account_id == account_id, columns.units > 0)
        .where(columns.at.between(at - _NEAR, at + _NEAR))
        .order_by(distance, columns.at)
        .limit(1)
    )
    value = connection.execute(query).scalar_one_or_none()
    return None if value is None else float(value)


def _equity_then(connection: Connection, account_id: int, at: datetime) -> dict[int, EquityThen]:
    query = (
        select(equity.c.deployment_id, equity.c.ts, equity.c.equity)
        .join(deployments, deployments.c.id == equity.c.deployment_id)
        .where(deployments.c.account_id == account_id, equity.c.ts <= at)
        .ext(distinct_on(equity.c.deployment_id))
        .order_by(equity.c.deployment_id, equity.c.ts.desc())
    )
    return {key: EquityThen(at, worth) for key, at, worth in connection.execute(query)}


def gains_of(beats: Mapping[str, Heartbeat]) -> dict[int, float]:
    """Highest gain over its capital that each account had, quote, as the last sign of life has it."""
    beat = beats.get(RUNNER)
    told = beat.detail.get("accounts", []) if beat else []
    return {int(one["id"]): float(one["peak_nav"]) - float(one["capital"]) for one in told}
