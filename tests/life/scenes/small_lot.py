"""A canary's share of the capital is less than the smallest order while shadows wait for theirs."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.stages import promote
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.tables import alerts, deployments, instruments
from tests.life import duel
from tests.life.days import DayClock
from tests.life.truth import EXCHANGE, SYMBOLS

LARGE, USUAL = Decimal("0.5"), Decimal(5)
"""Smallest order: as a share of what the richest deployment has, and what is usual, quote."""
LASTS: Final = timedelta(days=4)
REFUSED: Final = "life:refused"
_PLAN: Final = (LARGE, USUAL, LARGE, USUAL)
"""Large until strategies have waited for a first canary, and again while a challenger waits for one."""


def lots(engine: Engine, clock: DayClock, *, exchange: str = EXCHANGE) -> bool:
    """Change the smallest order of an exchange as planned, and ask for the canaries that it forbids."""
    with transaction(engine) as connection:
        known = _known(connection)
        if len(known) < len(_PLAN) and _is_due(connection, known, clock):
            row = {
                "exchange": exchange,
                "valid_from": clock.now,
                "min_notional": _least(connection, len(known)),
            }
            row |= {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.01"), "maker_fee": 0, "taker_fee": 0}
            row |= {"max_leverage": 20, "funding_interval_hours": 8}
            connection.execute(insert(instruments), [row | {"symbol": symbol} for symbol in SYMBOLS])
        shadows = _shadows(connection) if _known(connection)[-1].min_notional != USUAL else []
    for row in shadows:
        _ask(engine, row.id, clock)
    return False


def _known(connection: Connection) -> list[Any]:
    query = select(instruments.c.valid_from, instruments.c.min_notional)
    return list(connection.execute(query.where(instruments.c.symbol == SYMBOLS[0]).order_by("valid_from")))


def _least(connection: Connection, at: int) -> Decimal:
    richest = connection.execute(select(func.max(newest_capital())).select_from(deployments)).scalar_one()
    return USUAL if _PLAN[at] == USUAL else LARGE * richest


def _shadows(connection: Connection) -> list[Any]:
    query = select(deployments.c.id, deployments.c.challenges, deployments.c.stage_changed_at)
    return list(connection.execute(query.where(deployments.c.stage == "shadow").order_by(deployments.c.id)))


def _is_due(connection: Connection, known: list[Any], clock: DayClock) -> bool:
    """Whether the next change of the smallest order comes now."""
    shadows = _shadows(connection)
    if not known:
        return True
    if len(known) == 1:
        return any(clock.now - row.stage_changed_at >= LASTS for row in shadows)
    if len(known) == 2:
        return any(row.challenges is not None for row in shadows)
    return clock.now - known[-1].valid_from >= LASTS


def _ask(engine: Engine, key: int, clock: DayClock) -> None:
    """Ask for a canary whose orders would be too small, and keep what is said."""
    signature = Signature("ann", "the evidence suffices")
    try:
        promote(engine, duel.LADDER, signature, deployment_id=key, target="canary", clock=clock)
    except LifecycleError as refusal:
        with transaction(engine) as connection:
            add_alert(connection, Alert("warning", f"{REFUSED}:{key}", str(refusal), clock.now))


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """No canary begins that could not send an order; the refusal names the rule, and canaries come later."""
    with transaction(engine) as connection:
        known = _known(connection)
        books = connection.execute(select(deployments).order_by(deployments.c.id)).all()
        first = [row for row in books if row.stage in ORDER_STAGES or row.challenges is not None]
        canaries = [row for row in books if row.account_id != books[0].account_id]
        for row in canaries:
            least = [one.min_notional for one in known if one.valid_from <= row.created_at]
            if least and row.capital < least[-1]:
                yield f"deployment:{row.id} began with {row.capital}, below the smallest order of {least[-1]}"
        said = connection.execute(select(alerts).where(alerts.c.source.startswith(REFUSED))).all()
        for row in said:
            if "one_lot" not in row.message:
                yield f"{row.source} was refused, and the rule is not named: {row.message}"
        if len(known) == len(_PLAN) and clock.now - known[-1].valid_from >= 2 * LASTS and not canaries:
            yield f"the smallest order is usual again, and no canary began for {len(first)} books"


def has_befallen(engine: Engine) -> bool:
    """Whether both a strategy and a challenger waited."""
    with transaction(engine) as connection:
        return len(_known(connection)) == len(_PLAN)


SCENE: Final = duel.DUEL._replace(act=lots, check=check, has_befallen=has_befallen)
