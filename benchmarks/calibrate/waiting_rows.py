"""How long it took beside how long was said: records that are not yet decidable after a year."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY
from quant_pipelines.optimize.decision import (
    DecisionTerms,
    evidence_of_record,
    seen_at,
    weekly_looks,
)

FIRST_DAY = date(2020, 1, 1)
ASKED_DAYS = 366
YEARS = 8
N_DAYS = (FIRST_DAY.replace(year=FIRST_DAY.year + YEARS) - FIRST_DAY).days
FOLLOWED_DAYS = N_DAYS - ASKED_DAYS
PRIOR = "prior"
SHARPES = (PRIOR, 1.0, 1.5, 2.0, 3.0)
"""Annual; ``prior`` draws each world's from what outcomes believe of strategies, normal around zero."""


class Waited(NamedTuple):
    """What a record was told after a year, and days from there to its pass; None where there is none."""

    decision: str
    stated: int | None
    fewest: int | None
    most: int | None
    waited: int | None


def waited(asked: Sequence[Any], seeds: range) -> list[Waited]:
    (sharpe,) = asked
    later = [one for one in weekly_looks(FIRST_DAY, N_DAYS) if one.n_days > ASKED_DAYS]

    def play(seed: int) -> Waited:
        chance = np.random.default_rng([5, seed])
        true = chance.standard_normal() if sharpe == PRIOR else sharpe
        days = DAILY * (chance.standard_normal((N_DAYS, 1)) + true / np.sqrt(365))
        terms = DecisionTerms(seed=seed)
        told = evidence_of_record(days[:ASKED_DAYS, 0], FIRST_DAY, terms=terms)
        more = (told.more_days, told.fewest_more_days, told.most_more_days)
        if told.decision != "undecided":
            return Waited(told.decision, *more, None)
        ends = (seen.look.n_days for seen in seen_at(days, later, terms) if seen.passed[0])
        end = next(ends, None)
        return Waited(told.decision, *more, None if end is None else end - ASKED_DAYS)

    return over(seeds, play)
