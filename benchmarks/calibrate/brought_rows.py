"""Authors who search where nobody counts, and bring the best: how often it passes by luck."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import CANDIDATES, looks_of, over
from benchmarks.calibrate.worlds import DAILY
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.decision import DecisionTerms, seen_at

HISTORY_DAYS, YEAR_DAYS = 730, 365
UNSEEN_DAYS = GateSettings().capital_min_unseen_days


class Brought(NamedTuple):
    """The best of so many that were tried elsewhere, with the days that chose it, in a family of so many."""

    tried: int
    days: int
    family: int = CANDIDATES


BROUGHT = (
    *(Brought(tried, HISTORY_DAYS) for tried in (1, 24, 100)),
    *(Brought(tried, HISTORY_DAYS, 1) for tried in (1, 24, 100)),
    Brought(100, 59),
    Brought(100, 59, 1),
)
"""59 days are a record that no look has asked yet."""


class BroughtPlayed(NamedTuple):
    """One world: whether what was brought has passed, its unseen days had gained by then, and what without.

    ``unseen`` is whether it would have passed, had its unseen days alone been tested.
    """

    passed: bool
    gained: bool
    unseen: bool


def brought(asked: Sequence[Any], seeds: range) -> list[BroughtPlayed]:
    """Bring it into a family at the begin of a year, and follow the year's looks; nobody has an edge.

    Capital waits until the text has been known for as many days as the gate asks for.
    """
    what = Brought(*asked)

    def play(seed: int) -> BroughtPlayed:
        chance = np.random.default_rng([12, seed])
        days = DAILY * chance.standard_normal((HISTORY_DAYS + YEAR_DAYS, what.family))
        tried = DAILY * chance.standard_normal((what.days, what.tried))
        begin = HISTORY_DAYS - what.days
        days[:begin, 0] = np.nan
        days[begin:HISTORY_DAYS, 0] = tried[:, np.argmax(tried.mean(axis=0) / tried.std(axis=0))]
        alone = days.copy()
        alone[:HISTORY_DAYS, 0] = np.nan
        passed, at = _passed_at(days, seed)
        gained = passed and bool(days[HISTORY_DAYS:at, 0].sum() > 0.0)
        return BroughtPlayed(passed, gained, _passed_at(alone, seed)[0])

    return over(seeds, play)


def _passed_at(days: FloatArray, seed: int) -> tuple[bool, int]:
    """Whether the first has passed by the year's end, and the days by the look that capital may follow."""
    for seen in seen_at(days, looks_of(3), DecisionTerms(seed=seed)):
        if seen.passed[0] and seen.look.n_days - HISTORY_DAYS >= UNSEEN_DAYS:
            return True, seen.look.n_days
    return False, 0
