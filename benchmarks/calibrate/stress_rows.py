"""Books with a sold tail and honest ones through the rule on gaps, beside the decision on each alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY, Size, clusters, rare_loss
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.capital_gates import GAPS_NOT_RULED_OUT
from quant_pipelines.optimize.decision import DecisionTerms, evidence_of_record
from quant_pipelines.optimize.stress import gaps_paid_for

LAST_DAY = date(2026, 12, 31)
SOLD_TAIL_EXPOSURE = 2.0
"""Half of the equity is lost in a gap of a quarter."""


class Book(NamedTuple):
    """Years of a book; without a Sharpe ratio it is a sold tail, else one that is whole in a position."""

    years: int
    sharpe: float | None = None
    volatility: float = 0.45


BOOKS = (
    *(Book(years) for years in (1, 2, 3, 5)),
    *(Book(years, sharpe) for years in (1, 2, 3) for sharpe in (1.0, 2.0, 3.0)),
    Book(2, 2.0, 0.2),
    Book(2, 2.0, 0.8),
)


class Stressed(NamedTuple):
    """One book: whether it has gained, the rule refuses it, and the decision passes it alone."""

    gained: bool
    refused: bool
    passed: bool


def stressed(book: Sequence[Any], seeds: range) -> list[Stressed]:
    asked = Book(*book)
    gap = GateSettings().capital_stress_gap
    first_day = LAST_DAY - timedelta(days=365 * asked.years - 1)
    exposure = SOLD_TAIL_EXPOSURE if asked.sharpe is None else 1.0

    def play(seed: int) -> Stressed:
        days = _days(asked, np.random.default_rng([4, seed]))
        paid = gaps_paid_for(days, exposure, gap)
        evidence = evidence_of_record(days, first_day, terms=DecisionTerms(seed=seed))
        is_refused = paid is None or paid < GAPS_NOT_RULED_OUT
        return Stressed(bool(days.sum() > 0.0), is_refused, evidence.decision == "passed")

    return over(seeds, play)


def _days(book: Book, chance: np.random.Generator) -> FloatArray:
    size = Size(365 * book.years, 1)
    if book.sharpe is None:
        return rare_loss(chance, size).returns[:, 0]
    daily = book.volatility / np.sqrt(365)
    # Clusters have a variance of one in the long run, times the square of a day's move.
    days = clusters(chance, size).returns[:, 0] / DAILY
    return np.asarray(daily * (days + book.sharpe / np.sqrt(365)))
