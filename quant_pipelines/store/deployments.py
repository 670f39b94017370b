"""What the runner is asked to trade, and within which limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.account_limits import EVERY_LIMIT
from quant_pipelines.core.instruments import DatedInstrument, Instrument
from quant_pipelines.core.stages import LADDER, PAPER_STAGES, Stage
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    accounts,
    audit_logs,
    capital_changes,
    deployments,
    fills,
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
from quant_pipelines.trading.capital import WantedCapital
from quant_pipelines.trading.orders import FINAL

REAL_ORDERS_APPROVED = "deployment.real_orders_approved"
"""Action of the audit row without which no order goes to a real exchange."""
_FILLS_LATE = timedelta(hours=1)
"""How long before a stage is left an order's end may have been told whose fills are not booked yet."""
STRATEGY_SCOPE = "strategy:"
"""Begins the scope of limits that hold for each deployment of a strategy."""

_sets = deployments.alias("sets")
_STAGE: ColumnElement[Stage] = func.coalesce(_sets.c.stage, deployments.c.stage)
"""Stage of a deployment; of a leg, that of its set."""


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
        Quote currency, at first.
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
    set_id, n_legs
        Of a leg: the set that it is traded in, whose stage it has, and how many legs that has. None and 1 for
        what is traded alone.
    wanted_capital
        Newest change of its capital; None where it never changed.
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
    set_id: int | None = None
    n_legs: int = 1
    wanted_capital: WantedCapital | None = None

    @property
    def is_leaving(self) -> bool:
        """Whether its stage no longer trades, so that what it still holds is to be closed."""
        return self.stage not in LADDER

    @property
    def key(self) -> str:
        """Name of the deployment in alerts, audit rows and limits."""
        return f"deployment:{self.id}"

    @property
    def whole(self) -> str:
        """Name of what is approved, promoted and disabled as one: of a leg, its set."""
        return self.key if self.set_id is None else f"deployment:{self.set_id}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it is limited and halted: its own, and of a leg, that of its set too."""
        return tuple(dict.fromkeys((self.whole, self.key)))


def read_deployments(
    engine: Engine, stages: tuple[Stage, ...] = PAPER_STAGES, *, with_leaving: bool = False
) -> list[Deployment]:
    """Deployments in these stages, oldest first; of a set, its legs in their order.

    Parameters
    ----------
    engine
        Product database.
    stages
        Stages that are asked for.
    with_leaving
        Also those that left the traded stages while they hold a position, or an order that is unfinished or
        was filled by the venue's word and is not booked yet.
    """
    legs = deployments.alias("legs")
    n_legs = select(func.count()).where(legs.c.set_id == deployments.c.set_id).scalar_subquery()
    known = [column for column in deployments.c if column.name != "stage"]
    changes, older = capital_changes.c, capital_changes.alias("older").c
    newest = select(func.max(older.id)).where(older.deployment_id == deployments.c.id).scalar_subquery()
    query = (
        select(*known, _STAGE.label("stage"), n_legs.label("legs"))
        .add_columns(changes.capital.label("wanted"), changes.at.label("wanted_at"))
        .add_columns(accounts.c.venue, strategy_versions.c.source, strategy_versions.c.content_hash)
        .join(accounts, accounts.c.id == deployments.c.account_id)
        .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
        .outerjoin(_sets, _sets.c.id == deployments.c.set_id)
        .outerjoin(capital_changes, changes.id == newest)
        .where(_STAGE.in_(stages) | (_is_leaving() if with_leaving else false()))
        .where(~exists(select(legs.c.id).where(legs.c.set_id == deployments.c.id)))
        .order_by(deployments.c.id)
    )
    with transaction(engine) as connection:
        rows = connection.execute(query).all()
        return [_deployment(row, instrument_history(connection, row.exchange, row.symbol)) for row in rows]


def _is_leaving() -> ColumnElement[bool]:
    holds = select(positions).where(positions.c.deployment_id == deployments.c.id, positions.c.quantity != 0)
    booked = select(func.coalesce(func.sum(fills.c.quantity), 0)).where(
        fills.c.client_order_id == orders.c.client_order_id
    )
    changed_at = func.coalesce(_sets.c.stage_changed_at, deployments.c.stage_changed_at)
    is_told = orders.c.updated_at > changed_at - _FILLS_LATE
    is_unbooked = and_(
        accounts.c.venue != PAPER_VENUE, is_told, orders.c.filled_quantity > booked.scalar_subquery()
    )
    waits = (
        select(intents)
        .join(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(intents.c.deployment_id == deployments.c.id, orders.c.status.not_in(FINAL) | is_unbooked)
    )
    return _STAGE.not_in(LADDER) & (exists(holds) | exists(waits))


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
        audit_logs.c.subject == deployment.whole, audit_logs.c.action == REAL_ORDERS_APPROVED, is_identified
    )
    with transaction(engine) as connection:
        return connection.execute(query.limit(1)).one_or_none() is not None


def seed_limits(engine: Engine, limits: dict[str, float], at: datetime) -> None:
    """Store the account's limits where none are stored yet; from then on operators own them."""
    with transaction(engine) as connection:
        for name, value in limits.items():
            row = {"scope": "account", "name": name, "value": Decimal(repr(value))}
            query = upsert(risk_limits).values(**row, updated_at=at, updated_by="settings", owner="settings")
            connection.execute(query.on_conflict_do_nothing())


def read_limits(engine: Engine) -> dict[str, dict[str, float]]:
    """Limits in force by scope (``account``, ``deployment:<id>`` or ``strategy:<name>``) and name.

    A stored value that the limit can't have, such as NaN, stands for the tightest one: it must not lift it.
    One that has expired gives way to the value before it.
    """
    limits: dict[str, dict[str, float]] = {}
    with transaction(engine) as connection:
        for table, begin in ((risk_limits, ""), (strategy_quotas, STRATEGY_SCOPE)):
            whose = table.c.strategy if begin else table.c.scope
            for scope, name, value in connection.execute(select(whose, table.c.name, _in_force(table))):
                if value is not None:
                    limits.setdefault(begin + scope, {})[name] = _usable_limit(name, value)
    return limits


def read_expiries(connection: Connection) -> dict[str, dict[str, datetime]]:
    """When limits give way to the value before them, by scope and name; those that never do are left out."""
    expiries: dict[str, dict[str, datetime]] = {}
    for table, begin in ((risk_limits, ""), (strategy_quotas, STRATEGY_SCOPE)):
        whose = table.c.strategy if begin else table.c.scope
        later = table.c.expires_at > func.clock_timestamp()
        for scope, name, at in connection.execute(
            select(whose, table.c.name, table.c.expires_at).where(later)
        ):
            expiries.setdefault(begin + scope, {})[name] = at
    return expiries


def _in_force(table: Table) -> ColumnElement[Decimal | None]:
    """Value of a limit by the database's clock: its own, or the one before it once it has expired."""
    return case((table.c.expires_at <= func.clock_timestamp(), table.c.fallback), else_=table.c.value)


class LimitsInForce(NamedTuple):
    """Value of a limit now, and the one that holds once that has expired; None where there is none."""

    now: Decimal | None = None
    lasting: Decimal | None = None


def limits_in_force(connection: Connection, scope: str, name: str) -> LimitsInForce:
    """Read what holds of a limit now and later, locked until the transaction ends."""
    table, key = _limit_place(scope, name)
    lasting = case((table.c.expires_at.is_not(None), table.c.fallback), else_=table.c.value)
    row = connection.execute(select(_in_force(table), lasting).where(key).with_for_update()).one_or_none()
    return LimitsInForce() if row is None else LimitsInForce(*row)


def _limit_place(scope: str, name: str) -> tuple[Table, ColumnElement[bool]]:
    if not scope.startswith(STRATEGY_SCOPE):
        return risk_limits, (risk_limits.c.scope == scope) & (risk_limits.c.name == name)
    strategy = scope.removeprefix(STRATEGY_SCOPE)
    return strategy_quotas, (strategy_quotas.c.strategy == strategy) & (strategy_quotas.c.name == name)


def _usable_limit(name: str, stored: Decimal) -> float:
    value = float(stored)
    if name not in EVERY_LIMIT:
        return value
    bounds = EVERY_LIMIT[name].metadata["bounds"]
    return bounds.low if bounds.fault(name, value) else value


def set_limit(connection: Connection, row: dict[str, Any]) -> None:
    """Store a limit (columns of ``risk_limits``; those that are left out are empty) in place of its value.

    That of a strategy is stored as its quota.
    """
    scope = row["scope"]
    whose = "strategy" if scope.startswith(STRATEGY_SCOPE) else "scope"
    table, _ = _limit_place(scope, row["name"])
    empty = {"owner": row["updated_by"], "reason": "", "approved_by": None}
    values = empty | {"expires_at": None, "fallback": None} | row
    del values["scope"]
    made = upsert(table).values(**{whose: scope.removeprefix(STRATEGY_SCOPE)}, **values)
    changed = {name: made.excluded[name] for name in values if name != "name"}
    connection.execute(made.on_conflict_do_update(index_elements=[whose, "name"], set_=changed))


def end_limits(connection: Connection, scope: str, owner: str) -> None:
    """Take away the limits of a scope that somebody set."""
    theirs = (risk_limits.c.scope == scope) & (risk_limits.c.owner == owner)
    connection.execute(delete(risk_limits).where(theirs))


def limits_of_scope(connection: Connection, scope: str) -> dict[str, Decimal]:
    """Read the limits of a scope that are in force, by name."""
    query = select(risk_limits.c.name, _in_force(risk_limits)).where(risk_limits.c.scope == scope)
    return {name: value for name, value in connection.execute(query) if value is not None}


def strategy_names(connection: Connection) -> list[str]:
    """Names of the strategies that are stored."""
    return list(connection.execute(select(strategies.c.name).order_by(strategies.c.name)).scalars())


def has_account(connection: Connection, account_id: int) -> bool:
    """Whether an account of that id is stored."""
    query = select(accounts.c.id).where(accounts.c.id == account_id)
    return connection.execute(query).one_or_none() is not None


def announce_deployments(connection: Connection) -> None:
    """Tell the runner, at this transaction's commit, that deployments changed."""
    connection.execute(text("select pg_notify('deployments', '')"))


def _deployment(row: Row[Any], stored: tuple[DatedInstrument, ...]) -> Deployment:
    beside = {"instrument", "specifications", "n_legs", "wanted_capital"}
    known = {name: getattr(row, name) for name in Deployment.__slots__ if name not in beside}
    newest = stored[-1].instrument if stored else None
    wanted = None if row.wanted is None else WantedCapital(row.wanted, row.wanted_at)
    more = {"specifications": stored, "n_legs": max(1, row.legs), "wanted_capital": wanted}
    return Deployment(**known, instrument=newest, **more)
