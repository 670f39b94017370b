"""The database is restored from yesterday, on the day that a canary began: it and its approvals are gone."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import psycopg
from sqlalchemy import Engine, select

from quant_pipelines.operations.audit_anchors import ALERT, accept_log, keep_anchor
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import alerts, audit_logs, challenges
from tests.life import duel
from tests.life.days import DayClock

_SUFFIX: Final = "_yesterday"


def restore(engine: Engine, clock: DayClock, *, tells: bool = True) -> bool:
    """Keep the day's end, and go back to that of the day before once: the day is lived again.

    Where nobody ``tells``, the older log goes on as if nothing were.
    """
    anchors = _anchors(engine)
    with transaction(engine) as connection:
        is_over = duel.struck(connection) is not None
        now = None if is_over else duel.standing(connection, clock.now, days=0)
    if is_over:
        keep_anchor(engine, anchors, clock)
        return False
    if now is None:
        if clock.day == duel.BEGINS + 1:
            anchors.unlink(missing_ok=True)
        keep_anchor(engine, anchors, clock)
        _back_up(engine)
        return False
    keep_anchor(engine, anchors, clock)
    _go_back(engine)
    if tells:
        keep_anchor(engine, anchors, clock)
        accept_log(engine, Signature("ann", "restored the backup of yesterday"), anchors, clock)
        keep_anchor(engine, anchors, clock)
    with transaction(engine) as connection:
        duel.strike(connection, clock.now, now)
    return True


def _anchors(engine: Engine) -> Path:
    return Path(gettempdir()) / f"{engine.url.port}-{engine.url.database}.anchors"


def _back_up(engine: Engine) -> None:
    """Keep the database as it is at the end of the day."""
    name = engine.url.database
    _say(
        engine,
        f'drop database if exists "{name}{_SUFFIX}"',
        f'create database "{name}{_SUFFIX}" template "{name}"',
    )


def _go_back(engine: Engine) -> None:
    """Put yesterday's database in the place of today's."""
    name = engine.url.database
    _say(engine, f'drop database "{name}"', f'alter database "{name}{_SUFFIX}" rename to "{name}"')


def _say(engine: Engine, *statements: str) -> None:
    engine.dispose()
    url = engine.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def check(engine: Engine, _clock: DayClock) -> Iterator[str]:
    """A person is told and accepts the older log; what was approved after the backup is approved again."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        if found is None:
            return
        told = connection.execute(select(alerts.c.resolved_at).where(alerts.c.source == ALERT)).all()
        if not told:
            yield "the log lost a day, and nobody was told"
        if any(row.resolved_at is None for row in told):
            yield "the log was accepted, and its alert still stands"
        log = connection.execute(select(audit_logs).order_by(audit_logs.c.id)).all()
        accepted = [row.id for row in log if row.action == "audit.accepted"]
        if len(accepted) != 1:
            yield f"the log was accepted {len(accepted)} times; expected once"
        begun = select(challenges.c.canary_id).where(challenges.c.id == int(found.duel["challenge"]))
        canary = connection.execute(begun).scalar_one_or_none()
        approved = [
            row.id
            for row in log
            if row.action == "deployment.real_orders_approved" and row.subject == f"deployment:{canary}"
        ]
        if canary is not None and (len(approved) != 1 or approved[0] < max(accepted, default=0)):
            yield f"deployment:{canary} trades by approvals of a day that is not there any more"


SCENE: Final = duel.DUEL._replace(act=restore, check=check, has_befallen=duel.has_befallen)
