"""Live books, looked at every day: how soon the loss budget takes a good one, and one that decayed."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.culling_rows import FOLLOWED_YEARS, YEAR, Culled
from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY, Size, clusters
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.budget import loss_budget, spent_by

RECORD_YEARS = 2


class Budgeted(NamedTuple):
    """A true annual Sharpe ratio of the record and a year, another one after it, and a day's deviation."""

    before: float
    after: float
    daily: float

    @property
    def decays(self) -> bool:
        return self.before != self.after


BUDGETS = (
    *(Budgeted(sharpe, sharpe, daily) for daily in (DAILY, DAILY / 2) for sharpe in (1.0, 2.0)),
    *(Budgeted(*path, DAILY) for path in ((2.0, 0.0), (2.0, -2.0), (3.0, -3.0))),
)


def budgeted(asked: Sequence[Any], seeds: range) -> list[Culled]:
    """Look every day at a book that began on the first day after its record."""
    one = Budgeted(*asked)
    years = 1 + (FOLLOWED_YEARS if one.decays else 1)

    def play(seed: int) -> Culled:
        chance = np.random.default_rng([13, seed])
        days = clusters(chance, Size(YEAR * (RECORD_YEARS + years), 1)).returns[:, 0] * (one.daily / DAILY)
        changes = YEAR * (RECORD_YEARS + 1)
        days[:changes] += one.daily * one.before / np.sqrt(YEAR)
        days[changes:] += one.daily * one.after / np.sqrt(YEAR)
        record, live = np.split(days, [YEAR * RECORD_YEARS])
        taken = _first(live, record)
        return Culled(taken if taken <= YEAR else 0, max(taken - YEAR, 0))

    return over(seeds, play)


def _first(live: FloatArray, record: FloatArray) -> int:
    """Day of the book after which it is taken back; 0 where it never is."""
    ladder = LadderSettings()
    levels = np.concatenate([[1.0], np.cumprod(1.0 + live)])
    falls = 1.0 - levels / np.maximum.accumulate(levels)
    beyond = np.flatnonzero(falls > loss_budget(record, ladder))
    # What has been said of the band stays said, so the first day on which it is can be searched for.
    said = bisect_left(
        range(1, live.size + 1), True, key=lambda day: bool(spent_by(levels[:1], live[:day], record, ladder))
    )
    found = [int(beyond[0])] if beyond.size else []
    found += [said + 1] if said < live.size else []
    return min(found, default=0)
