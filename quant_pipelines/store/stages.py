"""Stages of deployments: what their records hold, and the change itself."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.time_away import TimeAway, days_present
from quant_pipelines.optimize.capital_gates import CAPITAL_DECISION
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.store.asked_once import is_among
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.capital_evidence import newest_evidences
from quant_pipelines.store.legs import add_legs, books_of
from quant_pipelines.store.stage_counts import StageCounts
from quant_pipelines.store.tables import (
    accounts,
    deployments,
    optimizer_tasks,
    verdicts,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.store.versions import move_pin


@dataclass(frozen=True, slots=True)
class StoredStage:
    """Everything that the guards of a deployment's next step ask about.

    Parameters
    ----------
    deployment_id, set_id, strategy, exchange, symbol, timeframe
        The deployment; of a leg, the set that it moves with.
    challenges
        Incumbent whose place it is tried for; None for what trades its unit.
    verdict_id
        Verdict that it was deployed with; None for one made by hand.
    stage, since
        Stage, and when it was entered.
    capital
        Quote currency of its book.
    paper_passed
        Whether the verdict passed the paper screen.
    failed_gates
        Names of the gates that the newest verdict on its record failed, but for that of the capital decision.
    look
        What the newest look says of its record.
    position
        Signed base quantity of its book; of a set, the sum of its legs' without their signs.
    is_behind
        Whether its newest scorecard falls behind its verdict.
    halts, refused_orders
        Counted since the stage was entered.
    active_triggers
        Performance triggers that stand.
    outages
        What was away since the stage was entered, oldest first.
    """

    deployment_id: int
    set_id: int | None
    challenges: int | None
    strategy: str
    exchange: str
    symbol: str
    timeframe: str
    verdict_id: int | None
    stage: Stage
    since: datetime
    capital: Decimal
    paper_passed: bool
    failed_gates: tuple[str, ...]
    look: CapitalEvidence
    position: Decimal
    is_behind: bool
    halts: int
    refused_orders: int
    active_triggers: tuple[str, ...]
    outages: tuple[TimeAway, ...] = ()

    @property
    def is_next_money(self) -> bool:
        """Whether its next stage trades real money, or more of it."""
        return self.stage in ("shadow", "canary")

    def days(self, now: datetime) -> int:
        """Whole days in its stage on which nothing was away that it trades by."""
        return days_present(self.since, now, self.outages)

    @property
    def key(self) -> str:
        """Name in alerts, audit rows and approvals."""
        return f"deployment:{self.deployment_id}"


def deployment_ids(connection: Connection, stages: Iterable[Stage] | None = None) -> list[int]:
    """Ids of the deployments, oldest first; only those in the given stages if any are given."""
    query = select(deployments.c.id).order_by(deployments.c.id)
    if stages is not None:
        query = query.where(deployments.c.stage.in_(list(stages)))
    return list(connection.execute(query).scalars())


def read_stage(connection: Connection, deployment_id: int, *, for_update: bool = False) -> StoredStage | None:
    """Read a deployment's record; None for an unknown id.

    Parameters
    ----------
    connection
        Open transaction.
    deployment_id
        Which one.
    for_update
        Let nobody else change the deployment until the transaction ends.
    """
    return next(iter(read_stages(connection, [deployment_id], for_update=for_update)), None)


def read_stages(
    connection: Connection, deployment_ids: Collection[int], *, for_update: bool = False
) -> list[StoredStage]:
    """Read the records of deployments, oldest first, by as many statements as one takes."""
    if not deployment_ids:
        return []
    rows = connection.execute(_deployments(for_update=for_update), {"ids": list(deployment_ids)}).all()
    if not rows:
        return []
    verdict_ids = {one.verdict_id for one in rows if one.verdict_id is not None}
    judged = {row.own_id: row for row in connection.execute(_newest_verdicts(), {"ids": list(verdict_ids)})}
    looks = newest_evidences(connection, {row.record_id for row in judged.values()})
    books = books_of(connection, [row.id for row in rows])
    known = StageCounts(connection, {row.id: row.stage_changed_at for row in rows}, books)
    return [
        StoredStage(
            deployment_id=row.id,
            verdict_id=row.verdict_id,
            set_id=row.set_id,
            challenges=row.challenges,
            stage=row.stage,
            since=row.stage_changed_at,
            capital=row.now,
            paper_passed=bool(own and own.paper_passed),
            failed_gates=_failed(own) if own else ("no verdict",),
            look=looks.get(own.record_id, NOT_LOOKED_AT) if own else NOT_LOOKED_AT,
            position=known.position(row.id),
            is_behind=known.is_behind(row.id),
            halts=known.halts(row.id),
            refused_orders=known.refused_orders(row.id),
            active_triggers=known.active_triggers(row.id),
            outages=known.outages(row.id),
            **{name: getattr(row, name) for name in ("strategy", "exchange", "symbol", "timeframe")},
        )
        for row in rows
        for own in (judged.get(row.verdict_id),)
    ]


def change_stage(connection: Connection, deployment_id: int, stage: Stage, at: datetime) -> None:
    """Move a deployment to a stage; the caller has proven that the step is allowed."""
    moved = update(deployments).where(deployments.c.id == deployment_id)
    connection.execute(moved.values(stage=stage, stage_changed_at=at, rests_until=None))


def rest_until(connection: Connection, deployment_id: int, end: datetime) -> None:
    """Say until when a cooling deployment rests."""
    resting = update(deployments).where(deployments.c.id == deployment_id)
    connection.execute(resting.values(rests_until=end))


def entered_at(connection: Connection, ids: Iterable[int]) -> dict[int, datetime]:
    """Read when each deployment entered its stage."""
    query = select(deployments.c.id, deployments.c.stage_changed_at).where(deployments.c.id.in_(list(ids)))
    return {row.id: row.stage_changed_at for row in connection.execute(query)}


def is_at_venue(connection: Connection, deployment_id: int) -> bool:
    """Whether a deployment's book is at a venue."""
    query = select(accounts.c.venue).join(deployments, deployments.c.account_id == accounts.c.id)
    venue = connection.execute(query.where(deployments.c.id == deployment_id)).scalar_one()
    return bool(venue != PAPER_VENUE)


def rested_ids(connection: Connection, now: datetime) -> list[int]:
    """Ids of the deployments whose rest is over, oldest first."""
    query = select(deployments.c.id).where(deployments.c.rests_until <= now)
    return list(connection.execute(query.order_by(deployments.c.id)).scalars())


def open_venue_book(
    connection: Connection, deployment_id: int, account_id: int, capital: Decimal, at: datetime
) -> int:
    """Store a canary of a deployment: the same version and parameters, with a book of its own, still pinned.

    Parameters
    ----------
    connection
        Open transaction, in which the deployment has left its traded stage.
    deployment_id
        Which deployment is copied.
    account_id
        Account at the venue.
    capital
        Quote currency of the new book.
    at
        Time of the change.

    Returns
    -------
    int
        Id of the new deployment.
    """
    query = select(deployments).where(deployments.c.id == deployment_id)
    row = dict(connection.execute(query).mappings().one())
    del row["id"]
    row |= {"account_id": account_id, "capital": capital, "stage": "canary"}
    row |= {"created_at": at, "stage_changed_at": at, "rests_until": None}
    made = int(connection.execute(insert(deployments).values(row).returning(deployments.c.id)).scalar_one())
    add_legs(connection, made)
    move_pin(connection, deployment_id, made)
    return made


def promised_returns(connection: Connection, deployment_ids: Collection[int]) -> dict[int, FloatArray]:
    """Daily out-of-sample returns of deployments' verdicts, oldest first; shapes (n_days,), may be empty."""
    rows = connection.execute(_PROMISED, {"ids": list(deployment_ids)})
    found = {row.id: np.array(row.returns, dtype=np.float64) for row in rows}
    return {one: found.get(one, np.empty(0)) for one in deployment_ids}


# Each record's days as they lie in its key: nothing is sorted.
_PROMISED = text(
    "select d.id, array(select r.daily_return from research.record_days r where r.record_id = t.record_id "
    "and r.day < t.window_end::date order by r.day) as returns "
    "from trading.deployments d join research.verdicts v on v.id = d.verdict_id "
    "join research.optimizer_tasks t on t.id = v.task_id where d.id = any(:ids)"
)


@cache
def _deployments(*, for_update: bool) -> Select[Any]:
    """Select the rows of ``ids``; made once, for to make it takes longer than to answer it."""
    query = select(deployments, newest_capital().label("now"))
    query = query.where(is_among(deployments.c.id, "ids")).order_by(deployments.c.id)
    return query.with_for_update(of=deployments) if for_update else query


@cache
def _newest_verdicts() -> Select[Any]:
    """Select the verdict on the newest window of the record that each of ``ids`` judged: what it has become.

    One of an older window says nothing of the days since, however late it was asked for.
    """
    of_record = select(verdicts, optimizer_tasks.c.record_id, optimizer_tasks.c.window_end).join(
        optimizer_tasks, optimizer_tasks.c.id == verdicts.c.task_id
    )
    own = of_record.where(is_among(verdicts.c.id, "ids")).subquery()
    judged = of_record.subquery()
    return (
        select(own.c.id.label("own_id"), judged.c.paper_passed, judged.c.gates, judged.c.parameters)
        .add_columns(judged.c.record_id)
        .join(own, own.c.record_id == judged.c.record_id)
        .ext(distinct_on(own.c.id))
        .order_by(own.c.id, judged.c.window_end.desc(), judged.c.id.desc())
    )


def _failed(judged: Row[Any]) -> tuple[str, ...]:
    """Names of the gates that a verdict failed; the newest look is asked for the capital decision itself."""
    failed = [gate["name"] for gate in judged.gates if not gate["passed"]]
    known = () if judged.parameters else ("parameters",)
    return (*(name for name in failed if name != CAPITAL_DECISION), *known)
