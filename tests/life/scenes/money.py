"""Deposits and withdrawals while canaries trade beside their incumbents."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import capital_changes, challenges, deployments, equity, income
from tests.life import duel
from tests.life.days import DayClock

EVERY_DAYS: Final = 3


def moved_money(engine: Engine, clock: DayClock) -> bool:
    """Pay in and take out of whatever trades at a venue, every third day."""
    if clock.day % EVERY_DAYS:
        return False
    part = Decimal("1.2") if clock.day % 2 else Decimal("0.8")
    standing = select(deployments.c.id).where(deployments.c.stage.in_(ORDER_STAGES))
    with transaction(engine) as connection:
        for key in connection.execute(standing.order_by(deployments.c.id)).scalars().all():
            wanted = (read_capital(connection, key) or Decimal(0)) * part
            said = {"actor": "ann", "reason": "money came or went", "source": "operator", "now": clock.now}
            set_capital(connection, key, wanted.quantize(Decimal("0.01")), **said)  # type: ignore[arg-type]
    return False


def check(engine: Engine, _clock: DayClock) -> Iterator[str]:
    """Each book was paid what its capital changed by, and no flow was taken for profit or loss."""
    with transaction(engine) as connection:
        for row in connection.execute(select(deployments).order_by(deployments.c.id)).all():
            last = connection.execute(
                select(func.max(equity.c.ts)).where(equity.c.deployment_id == row.id)
            ).scalar()
            if last is None:
                continue
            paid = connection.execute(
                select(func.coalesce(func.sum(income.c.amount), 0)).where(
                    income.c.deployment_id == row.id, income.c.kind == TRANSFER
                )
            ).scalar_one()
            meant = _capital_at(connection, row, last)
            if paid + row.capital != meant:
                yield f"deployment:{row.id} has been paid {paid + row.capital}; its capital is {meant}"


def _capital_at(connection: Connection, row: Any, at: Any) -> Decimal:
    """Capital that a book was meant to have when its last day was booked."""
    changes = capital_changes.c
    newest = select(changes.capital).where(changes.deployment_id == row.id, changes.at <= at)
    found = connection.execute(newest.order_by(changes.id.desc()).limit(1)).scalar_one_or_none()
    return Decimal(row.capital if found is None else found)


def has_befallen(engine: Engine) -> bool:
    """Whether money came or went in a canary."""
    changes = capital_changes.c
    query = (
        select(changes.id)
        .join(challenges, challenges.c.canary_id == changes.deployment_id)
        .where(changes.source == "operator", changes.at > challenges.c.opened_at)
        .where(challenges.c.ended_at.is_(None) | (changes.at < challenges.c.ended_at))
    )
    with transaction(engine) as connection:
        return connection.execute(query).first() is not None


SCENE: Final = duel.DUEL._replace(act=moved_money, check=check, has_befallen=has_befallen)
