"""Looks that are not what they were when they are replayed, and how a person goes on in spite of it.

What was altered can't be told from here, nor by whom. So nothing that the alteration may have touched counts:
records of which another answer is stored keep neither their days up to the newest look nor a pass. Everybody
else's days are those that were looked at. The looks from then on know nothing of those before and have what
these left of the year's error, the larger of what is stored and what is replayed: the chance that either errs
is at most the sum of both (Bonferroni).
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.optimize.capital import (
    CapitalLook,
    SaidByLook,
    difference_of,
    records_that_differ,
    said_by,
)
from quant_pipelines.research.due_look import DueLook
from quant_pipelines.store.capital import newest_look_taken, read_said
from quant_pipelines.store.engine import snapshot
from quant_pipelines.store.research import sole_worker


class Mismatch(NamedTuple):
    """Replayed looks that differ from the stored ones.

    Parameters
    ----------
    look_day
        First look that differs.
    difference
        Its first difference, in words.
    newest_day
        Newest look that was replayed.
    record_ids
        Records of which any look says something else, in order.
    alpha_spent
        Error that was spent by the newest look: the larger of what is stored and replayed.
    """

    look_day: date
    difference: str
    newest_day: date
    record_ids: tuple[int, ...]
    alpha_spent: float


def mismatch_of(replayed: Sequence[CapitalLook], stored: Sequence[SaidByLook]) -> Mismatch | None:
    """Compare looks with what is stored of them; None where nothing differs."""
    pairs = [(said_by(one), said) for one, said in zip(replayed, stored, strict=True)]
    different = [(said.look_day, difference_of(one, said)) for one, said in pairs]
    first = next(((day, told) for day, told in different if told), None)
    if first is None:
        return None
    newest, kept = pairs[-1]
    spent = max(float(one.numbers["alpha_spent"] or 0.0) for one in (newest, kept))
    ids = frozenset[int]().union(*(records_that_differ(one, said) for one, said in pairs))
    return Mismatch(*first, kept.look_day, tuple(sorted(ids)), spent)


def newest_mismatch(connection: Connection, exchange: str) -> Mismatch | None:
    """Replay the stored looks of the newest look's year; None where nothing differs."""
    newest = newest_look_taken(connection, exchange)
    if newest is None:
        return None
    due = DueLook(connection, exchange, newest)
    year = due.newest_looks()
    if year is None:
        return None
    return mismatch_of([*year.looks()], read_said(connection, exchange, due.decides_since))


def require_mismatch(engine: Engine, exchange: str, look_day: date) -> Mismatch:
    """Mismatch of the newest look's year, whose first look is the named one.

    Raises
    ------
    OptimizationError
        If there is none, it begins at another look, or another process is at the looks.
    """
    work = sole_worker(engine, digest_of({"capital look": exchange}), "the looks")
    with work, snapshot(engine) as connection:
        found = newest_mismatch(connection, exchange)
    if found is None:
        raise OptimizationError(
            "every look of the year is what it was when it is replayed; there is nothing to acknowledge"
        )
    if found.look_day != look_day:
        raise OptimizationError(
            f"look_day is {look_day}; expected {found.look_day}, the first look that differs: "
            f"{found.difference}"
        )
    return found
