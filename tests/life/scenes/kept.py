"""Challengers that win hand their parameters to the incumbent's book, of one symbol and of a set."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from quant_pipelines.core.instrument_sets import is_set
from quant_pipelines.core.stages import LADDER, ORDER_STAGES
from quant_pipelines.store.capital_changes import read_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import challenges, deployments, equity, version_changes
from tests.life import duel
from tests.life.days import DayClock
from tests.life.truth import SYMBOLS

SET: Final = "+".join(SYMBOLS[:2])
_ROUNDING: Final = Decimal("0.000001")
"""Shares of a set's legs are rounded to a float's last digit."""


def won(connection: Connection) -> list[Any]:
    """Challenges at a venue that were won, with the incumbent, oldest first."""
    query = (
        select(challenges, deployments.c.symbol, deployments.c.stage, deployments.c.parameters)
        .join(deployments, deployments.c.id == challenges.c.incumbent_id)
        .where(challenges.c.outcome == "replaced", challenges.c.canary_id.is_not(None))
    )
    return list(connection.execute(query.order_by(challenges.c.id)))


def check(engine: Engine, _clock: DayClock) -> Iterator[str]:
    """The incumbent's book goes on with the parameters and all of the capital, the challenger's ends."""
    with transaction(engine) as connection:
        victories = won(connection)
        newest = {one.incumbent_id: one for one in victories}
        for one in victories:
            stage = select(deployments.c.stage).where(deployments.c.id == one.canary_id)
            if connection.execute(stage).scalar_one() in LADDER:
                yield f"deployment:{one.canary_id} trades on beside the book that took its parameters"
        for one in newest.values():
            yield from _went_on(connection, one)
            yield from _as_told(connection, one)


def _went_on(connection: Connection, one: Any) -> Iterator[str]:
    """Its book has a bar on every day until now, or until it has left."""
    if one.stage not in ORDER_STAGES:
        yield f"deployment:{one.incumbent_id} has won new parameters and is in {one.stage}"
    for book in _books(connection, one.incumbent_id):
        after = select(equity.c.ts).where(equity.c.deployment_id == book.id, equity.c.ts > one.ended_at)
        days = connection.execute(after.order_by(equity.c.ts)).scalars().all()
        gaps = [day for day, later in itertools.pairwise(days) if (later - day).days != 1]
        if gaps:
            yield f"deployment:{book.id} has no day after {gaps[0]:%Y-%m-%d}"


def _as_told(connection: Connection, one: Any) -> Iterator[str]:
    """Parameters of the change are those of its book, and of every leg; legs have what their set has."""
    changes = version_changes.c
    newest = select(changes.to_parameters).where(changes.to_deployment_id == one.incumbent_id)
    told = connection.execute(newest.order_by(changes.id.desc()).limit(1)).scalar_one()
    books = _books(connection, one.incumbent_id)
    for book in books:
        if book.parameters != told or one.parameters != told:
            yield f"deployment:{book.id} trades {book.parameters}; the change says {told}"
    whole = read_capital(connection, one.incumbent_id) or Decimal(0)
    legs = sum((read_capital(connection, book.id) or Decimal(0) for book in books), Decimal(0))
    if abs(whole - legs) > _ROUNDING:
        yield f"deployment:{one.incumbent_id} has {whole}, its books {legs}"


def _books(connection: Connection, key: int) -> list[Any]:
    legs = list(connection.execute(select(deployments).where(deployments.c.set_id == key)))
    return legs or list(connection.execute(select(deployments).where(deployments.c.id == key)))


def has_befallen(engine: Engine) -> bool:
    """Whether a set and a single symbol have won new parameters at the venue."""
    with transaction(engine) as connection:
        return {is_set(one.symbol) for one in won(connection)} == {True, False}


SCENE: Final = duel.DUEL._replace(
    symbols=(SYMBOLS[0], SET),
    ladder=replace(duel.LADDER, challenger_keeps_book=True),
    check=check,
    has_befallen=has_befallen,
)
