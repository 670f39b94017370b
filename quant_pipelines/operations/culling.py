"""Lets the worst deployment rest, when its record says so with confidence, and brings back who has rested."""

from datetime import timedelta

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import DAY_MS, floor_ms, to_ms
from quant_pipelines.lifecycle.culling import Rank, rank_deployments, worst_with_confidence
from quant_pipelines.lifecycle.scorecard import daily_returns
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.stages import let_rest, promote
from quant_pipelines.store.challenges import challengers
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import ScoredBook, read_books
from quant_pipelines.store.stages import deployment_ids, entered_at, rested_ids

ACTOR = "culling"
_MAY_COOL: tuple[Stage, ...] = ("paper", "live")


def cull_worst(engine: Engine, ladder: LadderSettings, clock: Clock) -> tuple[list[Rank], Receipt | None]:
    """Rank the deployments and disable at most one.

    Parameters
    ----------
    engine
        Product database.
    ladder
        Window, shortest record and confidence.
    clock
        Time of the look.

    Returns
    -------
    list of Rank, Receipt or None
        The ranking, worst first, and what was done; None when nobody rests.
    """
    with transaction(engine) as connection:
        # A challenger is judged by its own bounds; its incumbent stands for both.
        may_cool = set(deployment_ids(connection, _MAY_COOL)) - set(challengers(connection))
        since = entered_at(connection, sorted(may_cool))
    # From the day after it entered its stage: what it rested for is not held against it again.
    returns = {
        book.deployment_id: complete_returns(book, clock(), to_ms(since[book.deployment_id]))
        for book in read_books(engine)
        if book.deployment_id in since
    }
    ranking = rank_deployments(returns, ladder)
    worst = worst_with_confidence(ranking)
    if worst is None:
        return ranking, None
    reason = (
        f"Sharpe ratio {worst.sharpe:.2f} over {worst.days} days, upper bound {worst.upper_bound:.2f}: "
        f"the worst of {len(ranking)} and below zero with confidence"
    )
    rest = timedelta(days=ladder.cull_rest_days)
    receipt = let_rest(
        engine, Signature(ACTOR, reason), deployment_id=worst.deployment_id, rest=rest, clock=clock
    )
    return ranking, receipt


def end_rests(engine: Engine, ladder: LadderSettings, clock: Clock) -> list[str]:
    """Bring back to paper whoever has rested, with a record that begins anew in that stage.

    Parameters
    ----------
    engine
        Product database.
    ladder
        What the step asks for.
    clock
        Time of the look.

    Returns
    -------
    list of str
        A sentence for each: what was done, or what refuses it; that is tried again at the next look.
    """
    with transaction(engine) as connection:
        rested = rested_ids(connection, clock_time(clock))
    signature = Signature(ACTOR, f"it has rested for {ladder.cull_rest_days} days")
    told = []
    for deployment_id in rested:
        try:
            back = promote(
                engine, ladder, signature, deployment_id=deployment_id, target="paper", clock=clock
            )
            told.append(back.summary)
        except LifecycleError as refusal:
            told.append(f"deployment:{deployment_id} rests on: {refusal}")
    return told


def complete_returns(book: ScoredBook, now_ms: int, since_ms: int = 0) -> FloatArray:
    """Daily returns of the UTC days that began since then and have ended, oldest first; shape (n_days,)."""
    ended = (book.days < floor_ms(now_ms, DAY_MS)) & (book.days >= since_ms)
    return np.ascontiguousarray(daily_returns(book.day_end_equity, book.capital)[ended])
