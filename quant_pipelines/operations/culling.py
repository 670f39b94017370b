"""Lets the worst deployment rest, when its record says so with confidence."""

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.lifecycle.culling import Rank, rank_deployments, worst_with_confidence
from quant_pipelines.lifecycle.scorecard import daily_returns
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.stages import disable
from quant_pipelines.store.challenges import challengers
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import ScoredBook, read_books
from quant_pipelines.store.stages import deployment_ids

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
    books = [book for book in read_books(engine) if book.deployment_id in may_cool]
    ranking = rank_deployments(
        {book.deployment_id: complete_returns(book, clock()) for book in books}, ladder
    )
    worst = worst_with_confidence(ranking)
    if worst is None:
        return ranking, None
    reason = (
        f"Sharpe ratio {worst.sharpe:.2f} over {worst.days} days, upper bound {worst.upper_bound:.2f}: "
        f"the worst of {len(ranking)} and below zero with confidence"
    )
    signature = Signature(ACTOR, reason)
    return ranking, disable(engine, signature, deployment_id=worst.deployment_id, clock=clock)


def complete_returns(book: ScoredBook, now_ms: int) -> FloatArray:
    """Daily returns of the UTC days that have ended, oldest first; ndarray of shape (n_days,), fractions."""
    ended = book.days < floor_ms(now_ms, DAY_MS)
    return np.ascontiguousarray(daily_returns(book.day_end_equity, book.capital)[ended])
