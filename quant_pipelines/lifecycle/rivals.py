"""Challengers in flight, and what each did in its stage: many are read by as many statements as one."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.lifecycle.canary import PromisedBands, StageDone, harm_of
from quant_pipelines.store import challenges as store
from quant_pipelines.store.lifecycle import ScoredBook, read_books_of
from quant_pipelines.store.stages import StoredStage, read_stage, read_stages


class Rivals(NamedTuple):
    """A challenger, its challenge, and the incumbent, as they are stored."""

    challenger: StoredStage
    challenge: store.Challenge
    incumbent: StoredStage


def standing_of(connection: Connection, challenger: StoredStage) -> Rivals:
    """Read a challenger in flight; nobody else changes its incumbent until the transaction ends.

    Raises
    ------
    LifecycleError
        If it is none.
    """
    challenge = store.read_challenge(connection, challenger.deployment_id)
    incumbent = read_stage(connection, challenger.challenges or 0, for_update=True)
    return _rivals(challenger, challenge, incumbent)


def rivals_of(connection: Connection, challengers: Sequence[StoredStage]) -> list[Rivals]:
    """Read challengers in flight to look at them, in their order.

    Raises
    ------
    LifecycleError
        If one of them is none.
    """
    known = store.read_challenges(connection, [one.deployment_id for one in challengers])
    asked = {one.challenges for one in challengers if one.challenges is not None}
    incumbents = {one.deployment_id: one for one in read_stages(connection, asked)}
    return [
        _rivals(one, known.get(one.deployment_id), incumbents.get(one.challenges or 0)) for one in challengers
    ]


def _rivals(
    challenger: StoredStage, challenge: store.Challenge | None, incumbent: StoredStage | None
) -> Rivals:
    if challenge is None or incumbent is None:
        raise LifecycleError(f"{challenger.key} challenges nobody; expected a challenger")
    return Rivals(challenger, challenge, incumbent)


class DoneInStage(NamedTuple):
    """What a challenger did in its stage, what of it takes it back, and its returns by day (ms)."""

    stage: StageDone
    harm: tuple[str, ...]
    returns: dict[int, float]


def done_by(connection: Connection, standing: Rivals, ladder: LadderSettings, now: datetime) -> DoneInStage:
    """Hold the bounds of its stage against what a challenger did; all that a look at most of them asks."""
    (found,) = done_by_each(connection, [standing], ladder, now)
    return found


def done_by_each(
    connection: Connection, standing: Sequence[Rivals], ladder: LadderSettings, now: datetime
) -> list[DoneInStage]:
    """Say the same of many challengers, in their order."""
    if not standing:
        return []
    since = {one.challenger.deployment_id: one.challenger.since for one in standing}
    books = {one.deployment_id: one for one in read_books_of(connection, list(since))}
    orders, costs = store.orders_since(connection, since), store.shortfalls_since(connection, since)
    found = []
    for one in standing:
        key = one.challenger.deployment_id
        returns = returns_since(books[key], one.challenger.since, now)
        worth = worth_of(books[key])
        done = StageDone(
            one.challenger.stage,
            one.challenger.days(now),
            costs[key],
            orders[key].sent,
            orders[key].rejected,
            1.0 - worth / books[key].capital if books[key].capital > 0.0 else 0.0,
            np.array(list(returns.values())),
            one.challenger.halts,
        )
        found.append(DoneInStage(done, _harm(one, done, ladder), returns))
    return found


def worth_of(book: ScoredBook) -> float:
    """Equity of a book now, as if its capital had never changed, quote."""
    return float(book.day_end_equity[-1]) if book.day_end_equity.size else book.capital


def _harm(standing: Rivals, done: StageDone, ladder: LadderSettings) -> tuple[str, ...]:
    bands, incumbent = standing.challenge.bands, standing.incumbent
    harm = harm_of(done, None if bands is None else PromisedBands(**bands), ladder)
    if incumbent.stage not in (*ORDER_STAGES, "paper", "shadow"):
        harm = (*harm, f"its incumbent {incumbent.key} is in {incumbent.stage}")
    return harm


def returns_since(book: ScoredBook, since: datetime, now: datetime) -> dict[int, float]:
    """Select the returns of the days that began since then and have ended, by their start (ms)."""
    from quant_pipelines.lifecycle.scorecard import daily_returns  # noqa: PLC0415 - its package compiles

    returns = daily_returns(book.day_end_equity, book.capital)
    first, end = to_ms(since), to_ms(now) // DAY_MS * DAY_MS
    days = zip(book.days.tolist(), returns.tolist(), strict=True)
    return {day: value for day, value in days if first <= day < end}
