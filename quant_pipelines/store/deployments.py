"""What the runner is asked to trade, and within which limits."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, exists, false, func, select, text, true
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.instruments import DatedInstrument, Instrument
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.core.stages import LADDER, PAPER_STAGES, Stage
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    accounts,
    audit_logs,
    deployments,
    instruments,
    intents,
    orders,
    positions,
    risk_limits,
    strategies,
    strategy_quotas,
    strategy_versions,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.orders import FINAL

REAL_ORDERS_APPROVED = "deployment.real_orders_approved"
"""Action of the audit row without which no order goes to a real exchange."""
STRATEGY_SCOPE = "strategy:"
"""Begins the scope of limits that hold for each deployment of a strategy."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One row of ``trading.deployments`` with the source that it was deployed with.

    Parameters
    ----------
    id
        Key of the row.
    strategy
        Name of the strategy.
    source
        The plugin's source of the deployed version; the file on disk may have moved on.
    content_hash
        Hash of that source.
    exchange, symbol
        Where and what is traded.
    timeframe
        The strategy's bars.
    execution_timeframe
        The bars on which fills and stops are decided.
    parameters
        Values of the strategy's parameters.
    settings
        Costs, sizing and limits of this deployment.
    stage
        Life-cycle stage.
    capital
        Quote currency.
    history_start
        First bar that the strategy sees.
    created_at
        Time of the deployment; the first bar that closes later is the first to trade.
    instrument
        Newest specification of the symbol; None where none is stored.
    account_id, venue
        Account that it books to; its venue is ``paper``, or the ccxt id of the exchange.
    specifications
        All that are stored of the symbol, oldest first.
    """

    id: int
    strategy: str
    source: str
    content_hash: str
    exchange: str
    symbol: str
    timeframe: str
    execution_timeframe: str
    parameters: dict[str, Any]
    settings: dict[str, Any]
    stage: Stage
    capital: Decimal
    history_start: datetime
    created_at: datetime
    instrument: Instrument | None
    account_id: int = 0
    venue: str = PAPER_VENUE
    specifications: tuple[DatedInstrument, ...] = ()

    @property
    def is_leaving(self) -> bool:
        """Whether its stage no longer trades, so that what it still holds is to be closed."""
        return self.stage not in LADDER

    @property
    def key(self) -> str:
        """Name of the deployment in alerts, audit rows and limits."""
        return f"deployment:{self.id}"


def read_deployments(
    engine: Engine, stages: tuple[Stage, ...] = PAPER_STAGES, *, with_leaving: bool = False
) -> list[Deployment]:
    """Deployments in these stages, oldest first.

    Parameters
    ----------
    engine
        Product database.
    stages
        Stages that are asked for.
    with_leaving
        Also those that left the traded stages while they hold a position or an unfinished order.
    """
    query = (
        select(deployments, accounts.c.venue, strategy_versions.c.source, strategy_versions.c.content_hash)
        .join(accounts, accounts.c.id == deployments.c.account_id)
        .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
        .where(deployments.c.stage.in_(stages) | (_is_leaving() if with_leaving else false()))
        .order_by(deployments.c.id)
    )
    with transaction(engine) as connection:
        rows = connection.execute(query).all()
        return [_deployment(row, instrument_history(connection, row.exchange, row.symbol)) for row in rows]


def _is_leaving() -> ColumnElement[bool]:
    holds = select(positions).where(positions.c.deployment_id == deployments.c.id, positions.c.quantity != 0)
    waits = (
        select(intents)
        .join(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(intents.c.deployment_id == deployments.c.id, orders.c.status.not_in(FINAL))
    )
    return deployments.c.stage.not_in(LADDER) & (exists(holds) | exists(waits))


def newest_instrument(connection: Connection, exchange: str, symbol: str) -> Instrument | None:
    """Specification in force now; None where none is stored."""
    stored = instrument_history(connection, exchange, symbol)
    return stored[-1].instrument if stored else None


def instrument_history(connection: Connection, exchange: str, symbol: str) -> tuple[DatedInstrument, ...]:
    """Specifications that are stored of a symbol, oldest first."""
    names = tuple(Instrument.__dataclass_fields__)
    query = (
        select(instruments.c.valid_from, *(instruments.c[name] for name in names))
        .where(instruments.c.exchange == exchange, instruments.c.symbol == symbol)
        .order_by(instruments.c.valid_from)
    )
    return tuple(DatedInstrument(to_ms(row[0]), Instrument(*row[1:])) for row in connection.execute(query))


def venue_account(
    connection: Connection, venue: str, *, currency: str, capital: Decimal, at: datetime
) -> int:
    """Id of our account at a venue, which is stored when it is missing.

    Parameters
    ----------
    connection
        Transaction that puts a deployment on it.
    venue
        ccxt id of the exchange.
    currency, capital
        What the account is told to hold; the venue knows better.
    at
        Time of the change.
    """
    row = {"name": venue, "venue": venue, "currency": currency, "capital": capital, "created_at": at}
    made = upsert(accounts).values(**row)
    # An account that was made for its keys holds nothing until a deployment is put on it.
    made = made.on_conflict_do_update(
        index_elements=["name"], set_={"capital": made.excluded.capital}, where=accounts.c.capital == 0
    )
    connection.execute(made)
    return int(connection.execute(select(accounts.c.id).where(accounts.c.name == venue)).scalar_one())


def has_approval(engine: Engine, deployment: Deployment) -> bool:
    """Whether the audit log holds an approval of real orders for this deployment, by people with codes.

    An approval that was given before there were users says nothing of them, and stays one.
    """
    is_identified = func.coalesce(audit_logs.c.detail["identified"].as_boolean(), true())
    query = select(audit_logs.c.id).where(
        audit_logs.c.subject == deployment.key, audit_logs.c.action == REAL_ORDERS_APPROVED, is_identified
    )
    with transaction(engine) as connection:
        return connection.execute(query.limit(1)).one_or_none() is not None


def seed_limits(engine: Engine, limits: dict[str, float], at: datetime) -> None:
    """Store the account's limits where none are stored yet; from then on operators own them."""
    with transaction(engine) as connection:
        for name, value in limits.items():
            row = {"scope": "account", "name": name, "value": Decimal(repr(value))}
            query = upsert(risk_limits).values(**row, updated_at=at, updated_by="settings")
            connection.execute(query.on_conflict_do_nothing())


def read_limits(engine: Engine) -> dict[str, dict[str, float]]:
    """Limits in force by scope (``account``, ``deployment:<id>`` or ``strategy:<name>``) and name.

    A stored value that the limit can't have, such as NaN, stands for the tightest one: it must not lift it.
    """
    limits: dict[str, dict[str, float]] = {}
    with transaction(engine) as connection:
        for row in connection.execute(select(risk_limits)):
            limits.setdefault(row.scope, {})[row.name] = _usable_limit(row.name, row.value)
        for row in connection.execute(select(strategy_quotas)):
            quotas = limits.setdefault(STRATEGY_SCOPE + row.strategy, {})
            quotas[row.name] = _usable_limit(row.name, row.value)
    return limits


def _usable_limit(name: str, stored: Decimal) -> float:
    value = float(stored)
    if name not in LIMITS:
        return value
    bounds = LIMITS[name].metadata["bounds"]
    return bounds.low if bounds.fault(name, value) else value


def set_limit(connection: Connection, row: dict[str, Any]) -> Decimal | None:
    """Store a limit (all columns of ``risk_limits``); returns the value that it replaces.

    That of a strategy is stored as its quota.
    """
    table, whose, scope = risk_limits, "scope", row["scope"]
    if scope.startswith(STRATEGY_SCOPE):
        table, whose, scope = strategy_quotas, "strategy", scope.removeprefix(STRATEGY_SCOPE)
    values = {name: value for name, value in row.items() if name != "scope"}
    key = (table.c[whose] == scope) & (table.c.name == row["name"])
    before = connection.execute(select(table.c.value).where(key).with_for_update()).scalar_one_or_none()
    made = upsert(table).values(**{whose: scope}, **values)
    changed = {name: made.excluded[name] for name in ("value", "updated_at", "updated_by")}
    connection.execute(made.on_conflict_do_update(index_elements=[whose, "name"], set_=changed))
    return before


def has_strategy(connection: Connection, name: str) -> bool:
    """Whether a strategy of that name is stored."""
    query = select(strategies.c.name).where(strategies.c.name == name)
    return connection.execute(query).one_or_none() is not None


def announce_deployments(connection: Connection) -> None:
    """Tell the runner, at this transaction's commit, that deployments changed."""
    connection.execute(text("select pg_notify('deployments', '')"))


def _deployment(row: Row[Any], stored: tuple[DatedInstrument, ...]) -> Deployment:
    names = [name for name in Deployment.__slots__ if name not in {"instrument", "specifications"}]
    newest = stored[-1].instrument if stored else None
    known = {name: getattr(row, name) for name in names}
    return Deployment(**known, instrument=newest, specifications=stored)
