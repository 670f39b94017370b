"""Deployments that are looked at every day: how soon culling takes a good one, and one that decayed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY, Size, clusters
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.culling import rank_deployments, worst_with_confidence

YEAR = 365
FOLLOWED_YEARS = 4


class Cull(NamedTuple):
    """A true annual Sharpe ratio for a year, another one after it, and the settings of the ranking."""

    before: float
    after: float
    window_days: int
    min_days: int
    confidence: float

    @property
    def decays(self) -> bool:
        return self.before != self.after

    @property
    def ladder(self) -> LadderSettings:
        return LadderSettings(
            cull_window_days=self.window_days,
            cull_min_days=self.min_days,
            cull_confidence=self.confidence,
        )


def _in_force(before: float, after: float) -> Cull:
    known = LadderSettings()
    return Cull(before, after, known.cull_window_days, known.cull_min_days, known.cull_confidence)


_PATHS = ((1.0, 1.0), (2.0, 2.0), (2.0, 0.0), (2.0, -2.0))
CULLS = (
    *(_in_force(*path) for path in _PATHS),
    # What the defaults were before they were measured.
    *(Cull(*path, 60, 14, 0.95) for path in _PATHS),
)


class Culled(NamedTuple):
    """Days from its entry, or from its decay, to the day on which it is culled; 0: never in the time.

    ``young`` looks at the first year of a record that begins, ``old`` at the time after it.
    """

    young: int
    old: int


def culled(asked: Sequence[Any], seeds: range) -> list[Culled]:
    """Rank a deployment alone, every day: with others its confidence is shared, and it rests later."""
    cull = Cull(*asked)
    years = 1 + (FOLLOWED_YEARS if cull.decays else 1)

    def play(seed: int) -> Culled:
        chance = np.random.default_rng([11, seed])
        days = clusters(chance, Size(YEAR * years, 1)).returns[:, 0]
        days[:YEAR] += DAILY * cull.before / np.sqrt(YEAR)
        days[YEAR:] += DAILY * cull.after / np.sqrt(YEAR)
        return Culled(_first(days, cull.ladder, range(1, YEAR + 1)), _first(days, cull.ladder, _later(days)))

    return over(seeds, play)


def _later(days: FloatArray) -> range:
    return range(YEAR + 1, days.size + 1)


def _first(days: FloatArray, ladder: LadderSettings, looks: range) -> int:
    """Days from the first look of a range to the one that culls."""
    for end in looks:
        seen = days[max(0, end - ladder.cull_window_days) : end]
        if worst_with_confidence(rank_deployments({1: seen}, ladder)) is not None:
            return end - looks.start + 1
    return 0
