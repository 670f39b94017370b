"""Reads everything that a restart needs of a deployment's book."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, select

from quant_pipelines.core.income_kinds import TRANSFER, asked_again_since
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    accounts,
    checkpoints,
    deployments,
    fills,
    income,
    intents,
    orders,
    signals,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.store.trading import Fill, Income, Intent, Signal, StoredBook
from quant_pipelines.store.value_rows import value_of
from quant_pipelines.trading.orders import OPEN, OrderProgress


def read_book(engine: Engine, deployment_id: int) -> StoredBook:
    """Everything a restart needs for one deployment, as of one moment."""
    with transaction(engine) as connection:
        connection.exec_driver_sql("set transaction isolation level repeatable read")
        mine = checkpoints.c.deployment_id == deployment_id
        checkpoint = connection.execute(select(checkpoints).where(mine)).one_or_none()
        open_intents = (
            select(intents, orders.c.status, orders.c.filled_quantity)
            .join(orders, orders.c.client_order_id == intents.c.client_order_id)
            .where(intents.c.deployment_id == deployment_id, orders.c.status.in_(OPEN))
            .order_by(intents.c.bar_close)
        )
        booked = select(fills).where(fills.c.deployment_id == deployment_id)
        received = select(income).where(income.c.deployment_id == deployment_id).order_by(income.c.ts)
        decided = (
            select(signals)
            .where(signals.c.deployment_id == deployment_id)
            .order_by(signals.c.bar_close.desc())
            .limit(1)
        )
        shared = (
            select(fills.c.client_order_id, func.sum(fills.c.quantity))
            .join(intents, intents.c.client_order_id == fills.c.client_order_id)
            .where(intents.c.deployment_id == deployment_id, fills.c.deployment_id != deployment_id)
            .group_by(fills.c.client_order_id)
        )
        own = connection.execute(received).all()
        paid_until = max((row.ts for row in own if row.kind != TRANSFER), default=None)
        deployed_at = connection.execute(
            select(deployments.c.created_at).where(deployments.c.id == deployment_id)
        ).scalar_one()
        since = asked_again_since(deployed_at, paid_until)
        paid = connection.execute(_paid_elsewhere(deployment_id, since))
        signal, open_rows = connection.execute(decided).one_or_none(), connection.execute(open_intents).all()
        filled = connection.execute(booked.order_by(fills.c.trade_id, fills.c.part))
        return StoredBook(
            state=checkpoint.state if checkpoint else None,
            bar_close=checkpoint.bar_close if checkpoint else None,
            open_intents=tuple(value_of(Intent, row) for row in open_rows),
            fills=tuple(value_of(Fill, row) for row in filled),
            income=tuple(value_of(Income, row) for row in own),
            last_signal=value_of(Signal, signal) if signal else None,
            progress={
                row.client_order_id: OrderProgress(row.status, row.filled_quantity) for row in open_rows
            },
            elsewhere={name: quantity for name, quantity in connection.execute(shared)},  # noqa: C416
            paid_elsewhere=frozenset((kind, ts) for kind, ts in paid),
        )


def _paid_elsewhere(deployment_id: int, since: datetime) -> Select[Any]:
    """Payments to other books at the same symbol of the same account, who may have left; none on paper.

    Only those that the venue may be asked about again.
    """
    mine, other = deployments.alias("mine"), deployments.alias("other")
    same = (other.c.account_id == mine.c.account_id) & (other.c.symbol == mine.c.symbol)
    return (
        select(income.c.kind, income.c.ts)
        .distinct()
        .join(other, other.c.id == income.c.deployment_id)
        .join(mine, same & (mine.c.id != other.c.id))
        .join(accounts, accounts.c.id == mine.c.account_id)
        .where(mine.c.id == deployment_id, accounts.c.venue != PAPER_VENUE)
        .where(income.c.kind != TRANSFER, income.c.ts >= since)
    )
