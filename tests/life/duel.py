"""Worlds of duels: what trades meets a challenger every two weeks, and something befalls a canary.

Stages are short, so a duel takes two weeks of the year; the guards are those of every other world.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Row, select

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Heartbeat, put_heartbeat, read_heartbeats
from quant_pipelines.store.tables import accounts, audit_logs, capital_changes, challenges, deployments
from quant_pipelines.store.tables.trading import PAPER_VENUE
from tests.life.days import DayClock
from tests.life.scene import Scene
from tests.life.truth import DAYS, DAYS_BEFORE, SYMBOLS, Course, Unit

LADDER: Final = LadderSettings(
    paper_min_days=1, shadow_min_days=1, canary_min_days=6, canary_min_fills=12, regime_min_days=0
)
SHARPE: Final = 19.0
EVERY_DAYS: Final = 14
"""How often the searches find other parameters, and each unit gets a verdict."""
BEGINS: Final = 307
"""Late enough in the year that its first look may spend what an edge like this needs."""
LASTS: Final = 37
_SERVICE: Final = "life"


def champion(_chance: np.random.Generator) -> FloatArray:
    """An edge that nobody doubts."""
    return np.full(DAYS_BEFORE + DAYS, SHARPE)


COURSES: Final[dict[str, Course]] = {"champion": champion}


def refitted(_unit: Unit, day: int) -> int:
    """Parameter of that day: with each verdict another one."""
    return 20 + (day - BEGINS) // EVERY_DAYS


DUEL: Final = Scene(
    COURSES,
    symbols=SYMBOLS[:2],
    ladder=LADDER,
    window=refitted,
    verdict_days=EVERY_DAYS,
    begins=BEGINS,
    ends=BEGINS + LASTS,
)
"""Duels that nothing befalls."""


class Duel(NamedTuple):
    """A canary beside its incumbent; capital in quote."""

    challenge: int
    canary: int
    incumbent: int
    symbol: str
    part: Decimal
    since: datetime


class Strike(NamedTuple):
    """What befell a world, and when; the duel as it was then."""

    at: datetime
    duel: dict[str, Any]

    def days_since(self, clock: DayClock) -> int:
        """Days from it to now."""
        return (clock.now - self.at).days


def standing(connection: Connection, now: datetime, days: int = 2) -> Duel | None:
    """Oldest canary in flight whose stage has lasted for so many days."""
    canary = deployments.alias("canary")
    query = (
        select(challenges.c.id, canary.c.id, challenges.c.incumbent_id, canary.c.symbol, canary.c.capital)
        .add_columns(canary.c.stage_changed_at)
        .join(canary, canary.c.id == challenges.c.canary_id)
        .where(challenges.c.ended_at.is_(None), canary.c.stage_changed_at <= now - timedelta(days=days))
        .order_by(challenges.c.id)
    )
    row = connection.execute(query).first()
    return None if row is None else Duel(*row)


def strike(connection: Connection, now: datetime, duel: Duel) -> None:
    """Note in the world's own rows that it befalls this duel: whoever goes on after a kill knows."""
    detail = {name: str(value) for name, value in duel._asdict().items()}
    put_heartbeat(connection, Heartbeat(_SERVICE, "struck", now, detail))


def struck(connection: Connection) -> Strike | None:
    """What befell this world; None before."""
    beat = read_heartbeats(connection).get(_SERVICE)
    return None if beat is None else Strike(beat.at, beat.detail)


def has_befallen(engine: Engine) -> bool:
    """Whether it came to a strike."""
    with transaction(engine) as connection:
        return struck(connection) is not None


def steps_on(connection: Connection, symbol: str) -> list[Row[Any]]:
    """Audit rows of all deployments of a symbol, oldest first."""
    own = select(deployments.c.id).where(deployments.c.symbol == symbol)
    keys = [f"deployment:{key}" for key in connection.execute(own).scalars()]
    query = select(audit_logs).where(audit_logs.c.subject.in_(keys)).order_by(audit_logs.c.id)
    return list(connection.execute(query))


class Gain(NamedTuple):
    """More real money for a deployment: a first canary, an incumbent's place, or the stage of a live one."""

    subject: str
    symbol: str
    at: datetime


def gains(connection: Connection) -> list[Gain]:
    """Every gain, by the world's own time: an audit row has the database's."""
    book, found = deployments.c, list[Gain]()
    venue = select(book.id, book.symbol, book.created_at, book.stage, book.stage_changed_at)
    venue = venue.join(accounts, accounts.c.id == book.account_id).where(accounts.c.venue != PAPER_VENUE)
    for row in connection.execute(venue.order_by(book.id)):
        found.append(Gain(f"deployment:{row.id}", row.symbol, row.created_at))
        if row.stage == "live":
            found.append(Gain(f"deployment:{row.id}", row.symbol, row.stage_changed_at))
    won = select(challenges.c.id, book.symbol, challenges.c.ended_at)
    won = won.join(deployments, book.id == challenges.c.canary_id).where(challenges.c.outcome == "replaced")
    found += [Gain(f"challenge:{row.id}", row.symbol, row.ended_at) for row in connection.execute(won)]
    return found


def challenge_of(connection: Connection, found: Strike) -> Row[Any]:
    """Row of the challenge that it befell."""
    query = select(challenges).where(challenges.c.id == int(found.duel["challenge"]))
    return connection.execute(query).one()


def given_back(connection: Connection, found: Strike) -> Decimal:
    """What the incumbent got back when its challenge ended."""
    changes = capital_changes.c
    ended = challenge_of(connection, found).ended_at
    query = select(changes.capital - changes.capital_before).where(
        changes.deployment_id == int(found.duel["incumbent"]),
        changes.source == "challenger",
        changes.at == ended,
    )
    return connection.execute(query).scalar_one_or_none() or Decimal(0)
