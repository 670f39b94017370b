"""What a restart must still know of breakers and accounts that people let go on, read from the rows."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.store.heartbeats import Heartbeat, trip_of
from quant_pipelines.store.tables import alerts, deployments, equity

if TYPE_CHECKING:
    from quant_pipelines.trading.breaker import Event

RUNNER = "live_runner"
"""Service whose sign of life says what accounts were worth."""
_NEWEST = 50
"""Rows that are looked at: a person re-arms less often than that in an hour."""


class EquityThen(NamedTuple):
    """Equity of one book at the close of a bar, quote."""

    at: datetime
    equity: float


class Rearmed(NamedTuple):
    """A person let a source (an account, a deployment) go on after an event, and what its books were worth.

    ``equity`` is by deployment, at the last bar that was booked by then; of the events of an account only.
    """

    source: str
    event: "Event"
    at: datetime
    equity: Mapping[int, EquityThen] = MappingProxyType({})


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
            worth = _equity_then(connection, row) if key[1] == "account_loss" else {}
            newest[key] = Rearmed(*key, row["resolved_at"], worth)
    return tuple(newest.values())


def _equity_then(connection: Connection, row: Mapping[Any, Any]) -> dict[int, EquityThen]:
    kind, _, number = row["source"].partition(":")
    if kind != "account" or not number.isdecimal():
        return {}
    query = (
        select(equity.c.deployment_id, equity.c.ts, equity.c.equity)
        .join(deployments, deployments.c.id == equity.c.deployment_id)
        .where(deployments.c.account_id == int(number), equity.c.ts <= row["resolved_at"])
        .ext(distinct_on(equity.c.deployment_id))
        .order_by(equity.c.deployment_id, equity.c.ts.desc())
    )
    return {key: EquityThen(at, worth) for key, at, worth in connection.execute(query)}


def gains_of(beats: Mapping[str, Heartbeat]) -> dict[int, float]:
    """Highest gain over its capital that each account had, quote, as the last sign of life has it."""
    beat = beats.get(RUNNER)
    told = beat.detail.get("accounts", []) if beat else []
    return {int(one["id"]): float(one["peak_nav"]) - float(one["capital"]) for one in told}
