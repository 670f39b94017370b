"""A new version beside the incumbent on the same days: how often their difference is told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY
from quant_pipelines.optimize.paired import paired_difference


class Pair(NamedTuple):
    """How much better the new version's annual Sharpe ratio is, how alike the two are, and for how long."""

    better: float
    correlation: float
    years: int


PAIRS = tuple(
    Pair(better, correlation, years)
    for years in (1, 2)
    for correlation in (0.5, 0.9)
    for better in (0.0, 1.0, 2.0)
)


class Told(NamedTuple):
    """Whether the new version is told to be better, or worse."""

    better: bool
    worse: bool


def told_pairs(asked: Sequence[Any], seeds: range) -> list[Told]:
    pair = Pair(*asked)
    size = 365 * pair.years

    def play(seed: int) -> Told:
        shared, one, other = np.random.default_rng([10, seed]).standard_normal((3, size))
        alike, apart = np.sqrt(pair.correlation), np.sqrt(1.0 - pair.correlation)
        old = DAILY * (alike * shared + apart * one)
        new = DAILY * (alike * shared + apart * other + pair.better / np.sqrt(365))
        found = paired_difference(new, old)
        return Told(found.low > 0.0, found.high < 0.0)

    return over(seeds, play)
