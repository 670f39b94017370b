"""Funding flips its sign: what was paid for holding is charged from one day on, in the midst of duels."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, Engine, select

from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import challenges, deployments
from tests.life import duel
from tests.life.days import DayClock, ends_at
from tests.life.truth import DAYS, DAYS_BEFORE, Truth

FLIPS: Final = duel.BEGINS + 19
FUNDING: Final = 0.015
"""What a day's funding brought, fraction, and costs afterwards: more than prices ever earned."""
RESTS: Final = timedelta(days=26)
"""By then each has spent its own loss budget, one and a half annual deviations of its record."""
SOON: Final = timedelta(days=8)
"""A canary that had gained until that day may still win in the first days: all its capital is there."""


def flip(truth: Truth) -> Truth:
    """Let all units earn by funding alone until that day, and pay it from then on."""
    returns, sharpe = {}, {}
    for unit, days in truth.returns.items():
        funding = 0.0 * days + FUNDING
        funding[DAYS_BEFORE + FLIPS :] = -FUNDING
        noise = days - days.mean()
        returns[unit] = 0.5 * noise + funding
        sharpe[unit] = funding / returns[unit].std() * YEAR_DAYS**0.5
    return truth._replace(returns=returns, sharpe=sharpe)


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """Every canary of that day goes back within its budget, no later one is won, nobody becomes live."""
    with transaction(engine) as connection:
        at = ends_at(FLIPS - 1)
        if clock.now < at + SOON:
            return
        for one in connection.execute(select(challenges).where(challenges.c.canary_id.is_not(None))):
            if one.opened_at < at and one.ended_at is None:
                yield f"challenge {one.id} goes on since before funding flipped"
            if one.ended_at is not None and one.ended_at > at + SOON and one.outcome == "replaced":
                yield f"challenge {one.id} was won on {one.ended_at:%Y-%m-%d}, when funding had flipped"
        yield from _stays(connection, clock)
        query = select(deployments.c.id).where(
            deployments.c.stage == "live", deployments.c.stage_changed_at > at + SOON
        )
        for key in connection.execute(query).scalars():
            yield f"deployment:{key} became live when funding had flipped"


def _stays(connection: Connection, clock: DayClock) -> Iterator[str]:
    """Whatever was live on that day rests once its loss budget is spent, however many there are."""
    at = ends_at(FLIPS - 1)
    if clock.now < at + RESTS:
        return
    live = (deployments.c.stage == "live") & (deployments.c.created_at < at)
    for key in connection.execute(select(deployments.c.id).where(live)).scalars():
        yield f"deployment:{key} has paid funding for {RESTS.days} days and is live"


def has_befallen(engine: Engine) -> bool:
    """Whether a canary traded on the day of the flip."""
    at = ends_at(FLIPS - 1)
    query = select(challenges.c.id).join(deployments, deployments.c.id == challenges.c.canary_id)
    query = query.where(deployments.c.created_at < at)
    query = query.where(challenges.c.ended_at.is_(None) | (challenges.c.ended_at > at))
    with transaction(engine) as connection:
        return connection.execute(query).first() is not None


SCENE: Final = duel.DUEL._replace(change=flip, check=check, has_befallen=has_befallen, ends=DAYS)
