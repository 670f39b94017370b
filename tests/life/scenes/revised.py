"""Bars of the incumbent's symbol are revised in a canary, and somebody computes its record's days anew."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.operations.acknowledgement import acknowledge_looks
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.research.capital import take_due_look
from quant_pipelines.store.challenges import record_of
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import alerts, audit_logs, capital_looks, deployments, record_days
from tests.life import duel
from tests.life.days import DayClock
from tests.life.truth import EXCHANGE

MORE: Final = 0.02
"""What the revised days earn more, fraction."""
REVISED_DAYS: Final = 10
ACKNOWLEDGED_AFTER: Final = 10
"""Days until a person says that the looks go on in spite of it: a weekly one is due before."""
SOURCE: Final = f"capital look:{EXCHANGE}"


def revise(engine: Engine, clock: DayClock, *, after: int = ACKNOWLEDGED_AFTER) -> bool:
    """Write the record's days anew, once, and let a person answer what is told of it some days later."""
    with transaction(engine) as connection:
        found, now = duel.struck(connection), duel.standing(connection, clock.now)
        if found is None and now is not None:
            _write(connection, now, clock)
            duel.strike(connection, clock.now, now)
            return False
        told = _told(connection)
    if found is not None and told and found.days_since(clock) >= after and not _is_answered(engine):
        look_day = told[0].message.rpartition(" ")[2].rstrip(")")
        said = Signature("ann", "the exchange has revised its bars")
        acknowledge_looks(engine, said, look_day=look_day, exchange=EXCHANGE)
    return False


def _is_answered(engine: Engine) -> bool:
    with transaction(engine) as connection:
        answers = select(audit_logs.c.id).where(audit_logs.c.action == "look.acknowledged")
        return connection.execute(answers).first() is not None


def look(engine: Engine, clock: DayClock) -> None:
    """Take the look that is due; one that is refused has told a person."""
    try:
        take_due_look(engine, EXCHANGE, clock)
    except OptimizationError:
        with transaction(engine) as connection:
            if not _told(connection):
                raise


def _write(connection: Connection, now: duel.Duel, clock: DayClock) -> None:
    verdict = select(deployments.c.verdict_id).where(deployments.c.id == now.incumbent)
    record = record_of(connection, connection.execute(verdict).scalar_one())
    columns = record_days.c
    days = update(record_days).where(columns.record_id == record)
    days = days.where(columns.day > clock.now.date() - timedelta(days=REVISED_DAYS + 7))
    days = days.where(columns.day <= clock.now.date() - timedelta(days=7))
    days = days.values(daily_return=columns.daily_return + MORE)
    try:
        with connection.begin_nested():
            connection.execute(days)
    except IntegrityError:  # the database keeps them: only who goes behind its back can write them anew
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(days)
        connection.execute(text("set local session_replication_role = origin"))
    else:
        raise AssertionError("days of a record were written anew, and the database let it happen")


def _told(connection: Connection) -> list[Any]:
    query = select(alerts).where(alerts.c.source == SOURCE, alerts.c.severity == "critical")
    return list(connection.execute(query.order_by(alerts.c.id)))


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """No look rests on days that are not what they were; a person is told of it, and then looks go on."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        if found is None or found.days_since(clock) < ACKNOWLEDGED_AFTER + 8:
            return
        told, since = _told(connection), found.at.date()
        if not told:
            yield "a record's days were written anew, and nobody was told"
        said = since + timedelta(days=ACKNOWLEDGED_AFTER - 1)
        days = connection.execute(select(capital_looks.c.look_day)).scalars().all()
        for day in days:
            if since <= day < said:
                yield f"the look of {day} rests on days that were written anew on {since}"
        if max(days) < said:
            yield f"no look was taken since {max(days)}, though a person has acknowledged it"


SCENE: Final = duel.DUEL._replace(act=revise, look=look, check=check, has_befallen=duel.has_befallen)
