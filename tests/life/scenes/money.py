"""Deposits and withdrawals while canaries trade."""

from decimal import Decimal
from typing import Final

from sqlalchemy import Engine, select

from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments
from tests.life.days import DayClock
from tests.life.scene import Scene


def moved_money(engine: Engine, clock: DayClock) -> bool:
    """Pay in and take out of whatever trades at a venue, every fifth day."""
    if clock.day % 5:
        return False
    part = Decimal("1.2") if clock.day % 10 else Decimal("0.8")
    standing = select(deployments.c.id).where(deployments.c.stage.in_(ORDER_STAGES))
    with transaction(engine) as connection:
        for key in connection.execute(standing.order_by(deployments.c.id)).scalars().all():
            wanted = (read_capital(connection, key) or Decimal(0)) * part
            said = {"actor": "ann", "reason": "money came or went", "source": "operator", "now": clock.now}
            set_capital(connection, key, wanted.quantize(Decimal("0.01")), **said)  # type: ignore[arg-type]
    return False


SCENE: Final = Scene(act=moved_money)
