"""Whether records of the computed length do pass with the computed chance, at a year's weekly looks."""

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.rows import over
from benchmarks.calibrate.worlds import DAILY
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.decision import DecisionTerms, pooled_at_equal_risk, seen_at, weekly_looks

SHARPE = 2.0
POWER = 0.8
LAST_DAY = date(2030, 12, 31)
POOLS, SYMBOLS = 12, 52
_NORMAL = NormalDist()
_JOINS_POOL_AFTER = 10


class Length(NamedTuple):
    """So many candidates, one of which has the edge; or pools, all of whose symbols have it."""

    candidates: int
    correlation: float | None = None


LENGTHS = (Length(1), Length(24), Length(52), Length(624), Length(POOLS, 0.0), Length(POOLS, 0.3))


def computed_years(candidates: int, sharpe: float) -> float:
    """Years to 80 % power: one look, independent normal candidates, the maximum's quantile."""
    quantile = _NORMAL.inv_cdf((1.0 - DecisionTerms().alpha) ** (1.0 / candidates))
    return ((quantile + _NORMAL.inv_cdf(POWER)) / sharpe) ** 2


def pooled_gain(correlation: float) -> float:
    """By how much a pool needs less time than one of its symbols."""
    return SYMBOLS / (1.0 + (SYMBOLS - 1) * correlation)


def asked_days(length: Length) -> int:
    """Days of the record: what was computed, at least what is tested at all."""
    days, least = 365 * computed_years(length.candidates, SHARPE), DecisionTerms().least_days
    if length.correlation is None:
        return max(round(days), least)
    return max(round(days / pooled_gain(length.correlation)), least + _JOINS_POOL_AFTER)


def found_by_last_look(asked: Sequence[Any], seeds: range) -> list[bool]:
    """Whether the candidate, or pool, with the edge has passed by the last look of the last year."""
    length = Length(*asked)
    n_days = asked_days(length)
    first_day = LAST_DAY - timedelta(days=n_days - 1)
    looks = [one for one in weekly_looks(first_day, n_days) if one.year == LAST_DAY.year]

    def play(seed: int) -> bool:
        days = _days(length, n_days, np.random.default_rng([6, seed]))
        *_, last = seen_at(days, looks, DecisionTerms(seed=seed))
        return bool(last.passed[0])

    return over(seeds, play)


def _days(length: Length, n_days: int, chance: np.random.Generator) -> FloatArray:
    edge = SHARPE / np.sqrt(365)
    if length.correlation is None:
        days = chance.standard_normal((n_days, length.candidates))
        days[:, 0] += edge
        return DAILY * days
    shared = np.repeat(chance.standard_normal((n_days, POOLS)), SYMBOLS, axis=1)
    own = chance.standard_normal((n_days, POOLS * SYMBOLS))
    days = np.sqrt(1.0 - length.correlation) * own + np.sqrt(length.correlation) * shared
    days[:, :SYMBOLS] += edge
    return pooled_at_equal_risk(DAILY * days, [at // SYMBOLS for at in range(POOLS * SYMBOLS)]).returns
