"""The venue is away for some days of a canary."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine, select

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.outages import OUTAGE, follow_standing
from quant_pipelines.store.tables import alerts, deployments
from tests.life import duel
from tests.life.days import DayClock

AWAY_DAYS: Final = 6
"""Long enough that the canary's days would be over meanwhile."""


def away(engine: Engine, clock: DayClock) -> bool:
    """Let the venue be away from the third day of a canary on, as the runner writes it."""
    with transaction(engine) as connection:
        found, now = duel.struck(connection), duel.standing(connection, clock.now)
        if found is None and now is not None:
            duel.strike(connection, clock.now, now)
            found = duel.struck(connection)
    if found is not None:
        is_away = found.days_since(clock) < AWAY_DAYS
        told = Alert("warning", f"{OUTAGE}:venue", "the venue does not answer", clock.now)
        follow_standing(engine, OUTAGE, [told] if is_away else [], clock.now)
    return False


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """Nothing gets more money while the venue is away, its days count for nobody, and then all goes on."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        if found is None:
            return
        query = select(alerts.c.at, alerts.c.resolved_at).where(alerts.c.source == f"{OUTAGE}:venue")
        times = connection.execute(query).all()
        if not times:
            yield "no outage was told"
        for gain in duel.gains(connection):
            if any(one.at < gain.at < (one.resolved_at or clock.now) for one in times):
                yield f"{gain.subject} got more money while the venue was away"
        challenge = duel.challenge_of(connection, found)
        first = duel.LADDER.canary_min_days + AWAY_DAYS
        is_won = challenge.ended_at is not None and challenge.outcome == "replaced"
        since = connection.execute(
            select(deployments.c.created_at).where(deployments.c.id == challenge.canary_id)
        ).scalar_one()
        if is_won and challenge.ended_at < since + timedelta(days=first):
            yield f"challenge {challenge.id} was won by days on which the venue was away"
        if challenge.ended_at is None and found.days_since(clock) > first + 4:
            yield f"challenge {challenge.id} does not go on after the outage"


SCENE: Final = duel.DUEL._replace(act=away, check=check, has_befallen=duel.has_befallen)
