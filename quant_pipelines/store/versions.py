"""Versions and parameters of what trades, in PostgreSQL: what was traded, what changed, what is pinned."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.sql.selectable import Subquery

from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.core.timeline import Placed, Terms, VersionChange
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.tables import (
    challenges,
    deployments,
    pins,
    strategy_versions,
    version_changes,
)

_own = deployments.alias("own")
_SAME_UNIT = [deployments.c[name] == _own.c[name] for name in ("strategy", "exchange", "symbol", "timeframe")]


class Pin(NamedTuple):
    """Since when a deployment keeps what it trades, who wants that, and why."""

    deployment_id: int
    at: datetime
    actor: str
    reason: str

    @property
    def sentence(self) -> str:
        """The same in words."""
        return (
            f"deployment:{self.deployment_id} keeps its version and parameters since {self.at:%Y-%m-%d}, "
            f"as {self.actor} said ({self.reason}); quant unpin {self.deployment_id} lets them go"
        )


class TurnedBack(NamedTuple):
    """Terms that were taken back where they traded or challenged, by whom or what, and why."""

    terms: Terms
    at: datetime
    reason: str


def terms_of(connection: Connection, deployment_id: int) -> Terms:
    """Read what a deployment trades."""
    return Terms(*connection.execute(_terms().where(deployments.c.id == deployment_id)).one())


def _terms() -> Any:
    versions = strategy_versions.c
    query = select(versions.id, versions.content_hash, deployments.c.parameters, deployments.c.verdict_id)
    return query.join(deployments, deployments.c.strategy_version_id == versions.id)


def placed_beside(connection: Connection, deployment_id: int) -> list[Placed]:
    """Read every deployment that traded the unit of this one by itself, oldest first."""
    query = (
        _terms()
        .add_columns(deployments.c.id.label("deployment"), deployments.c.created_at)
        .join(_own, _own.c.id == deployment_id)
        .where(*_SAME_UNIT, deployments.c.set_id.is_(None), deployments.c.challenges.is_(None))
        .order_by(deployments.c.id)
    )
    return [Placed(row.deployment, row.created_at, Terms(*row[:4])) for row in connection.execute(query)]


def changes_among(connection: Connection, ids: Iterable[int]) -> list[VersionChange]:
    """Read every change by which these deployments lost, got or kept their place, oldest first."""
    changes, known = version_changes.c, list(ids)
    left, right = _versions("before"), _versions("after")
    query = (
        select(version_changes, left.c.content_hash.label("was"), right.c.content_hash.label("now"))
        .join(left, left.c.id == changes.from_version_id)
        .join(right, right.c.id == changes.to_version_id)
        .where(changes.deployment_id.in_(known) | changes.to_deployment_id.in_(known))
        .order_by(changes.id)
    )
    return [
        VersionChange(
            row.deployment_id,
            row.to_deployment_id,
            row.at,
            row.source,
            Terms(row.from_version_id, row.was, row.from_parameters, row.from_verdict_id),
            Terms(row.to_version_id, row.now, row.to_parameters, row.to_verdict_id),
            row.actor,
            row.reason,
        )
        for row in connection.execute(query)
    ]


def _versions(name: str) -> Subquery:
    return select(strategy_versions.c.id, strategy_versions.c.content_hash).subquery(name)


def add_change(connection: Connection, change: VersionChange) -> None:
    """Store that a unit is traded otherwise from now on; where its book goes on, change its row."""
    before, after = change.before, change.after
    row = {
        **{name: getattr(change, name) for name in ("deployment_id", "to_deployment_id", "at", "source")},
        "from_version_id": before.version_id,
        "from_parameters": dict(before.parameters),
        "from_verdict_id": before.verdict_id,
        "to_version_id": after.version_id,
        "to_parameters": dict(after.parameters),
        "to_verdict_id": after.verdict_id,
        "actor": change.actor,
        "reason": change.reason,
    }
    connection.execute(insert(version_changes).values(row))
    if change.deployment_id == change.to_deployment_id:
        of_it = (deployments.c.id == change.deployment_id) | (deployments.c.set_id == change.deployment_id)
        values = {"parameters": dict(after.parameters), "stage_changed_at": change.at}
        connection.execute(update(deployments).where(of_it).values(values))
        own = update(deployments).where(deployments.c.id == change.deployment_id)
        connection.execute(own.values(verdict_id=after.verdict_id))


def open_again(
    connection: Connection, change: VersionChange, *, stage: Stage, model_id: int, capital: Decimal
) -> int:
    """Store a book that trades what was traded before, in the stage and on the account of what it follows.

    Parameters
    ----------
    connection
        Open transaction, in which the deployment that it follows has left its stage.
    change
        Whom it follows, and with what; its ``to_deployment_id`` is not known yet.
    stage
        That of whom it follows.
    model_id
        Deployment that traded it last: bars and settings are as that one's were.
    capital
        Quote currency of the book.

    Returns
    -------
    int
        Id of the new deployment.
    """
    query = select(deployments).where(deployments.c.id.in_([model_id, change.deployment_id]))
    rows = {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    followed, row = rows[change.deployment_id], dict(rows[model_id])
    del row["id"]
    row |= {"account_id": followed["account_id"], "capital": capital, "challenges": None, "rests_until": None}
    row |= {"stage": stage}
    row |= {"strategy_version_id": change.after.version_id, "parameters": dict(change.after.parameters)}
    row |= {"verdict_id": change.after.verdict_id, "created_at": change.at, "stage_changed_at": change.at}
    made = insert(deployments).values(row).returning(deployments.c.id)
    deployment_id = int(connection.execute(made).scalar_one())
    add_legs(connection, deployment_id)
    add_change(connection, change._replace(to_deployment_id=deployment_id))
    return deployment_id


def sources_of(connection: Connection, version_ids: Iterable[int]) -> dict[int, str]:
    """Read the texts of versions."""
    columns = strategy_versions.c
    query = select(columns.id, columns.source).where(columns.id.in_(list(version_ids)))
    return {row.id: row.source for row in connection.execute(query)}


def standing_pin(connection: Connection, deployment_id: int) -> Pin | None:
    """Read the pin of a deployment; None where it has none."""
    query = select(*(pins.c[name] for name in Pin._fields)).where(
        pins.c.deployment_id == deployment_id, pins.c.ended_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Pin(*row)


def standing_pins(connection: Connection) -> dict[int, str]:
    """Read every pin that stands, in words, by deployment."""
    query = select(*(pins.c[name] for name in Pin._fields)).where(pins.c.ended_at.is_(None))
    return {row.deployment_id: Pin(*row).sentence for row in connection.execute(query)}


def add_pin(connection: Connection, pin: Pin) -> None:
    """Store a pin; there is none yet."""
    connection.execute(insert(pins).values(pin._asdict()))


def move_pin(connection: Connection, deployment_id: int, to_deployment_id: int) -> None:
    """Let a pin that stands hold the deployment that goes on with the same version and parameters."""
    standing = (pins.c.deployment_id == deployment_id) & pins.c.ended_at.is_(None)
    connection.execute(update(pins).where(standing).values(deployment_id=to_deployment_id))


def end_pin(connection: Connection, deployment_id: int, actor: str, at: datetime) -> None:
    """End the pin of a deployment."""
    standing = (pins.c.deployment_id == deployment_id) & pins.c.ended_at.is_(None)
    connection.execute(update(pins).where(standing).values(ended_at=at, ended_by=actor))


def turned_back(connection: Connection, deployment_id: int) -> list[TurnedBack]:
    """Read what was tried in the place of a unit and taken back, newest first.

    A challenger that went because its incumbent left says nothing of itself and is not among them.
    """
    incumbent = func.coalesce(challenges.c.numbers["incumbent_stage"].as_string(), LADDER[0])
    rolled_back = (
        _terms()
        .add_columns(challenges.c.ended_at, challenges.c.reason)
        .join(challenges, challenges.c.first_id == deployments.c.id)
        .join(_own, _own.c.id == deployment_id)
        .where(*_SAME_UNIT, challenges.c.outcome == "rolled_back", incumbent.in_(LADDER))
    )
    found = [TurnedBack(Terms(*row[:4]), row[4], row[5] or "") for row in connection.execute(rolled_back)]
    ids = [one.deployment_id for one in placed_beside(connection, deployment_id)]
    found += [
        TurnedBack(change.before, change.at, change.reason)
        for change in changes_among(connection, ids)
        if change.source == "rollback"
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def book_changes_at(connection: Connection) -> dict[int, datetime]:
    """When books went on with other parameters, the last time, by deployment."""
    changes = version_changes.c
    query = select(changes.deployment_id, func.max(changes.at))
    same = query.where(changes.deployment_id == changes.to_deployment_id).group_by(changes.deployment_id)
    return {row[0]: row[1] for row in connection.execute(same)}


def book_changes_since(connection: Connection, deployment_id: int, at: datetime) -> list[VersionChange]:
    """Read the changes of a book that went on with other parameters, from a moment on, oldest first."""
    return [
        one
        for one in changes_among(connection, [deployment_id])
        if one.deployment_id == one.to_deployment_id and one.at >= at
    ]
