"""Rows of the calibration: seeded worlds through the decision, beside the oracle's answer where asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import NamedTuple, TypeVar

import numpy as np

from benchmarks.calibrate import oracle
from benchmarks.calibrate.worlds import NOISE, Size
from quant_pipelines.optimize.decision import DecisionTerms, Look, Spending, seen_at, weekly_looks

Answer = TypeVar("Answer")

FIRST_DAY = date(2025, 1, 1)
CANDIDATES = 24
PLANTED = 7
NOISE_YEARS = 2
LEAST_DAYS = DecisionTerms().least_days


class Cell(NamedTuple):
    """A planted Sharpe ratio, annual and net, in so many years of normal days."""

    sharpe: float
    years: int
    spending: Spending = DecisionTerms().spending
    kind: str = "normal"

    @property
    def size(self) -> Size:
        return Size(365 * self.years, CANDIDATES)


class Played(NamedTuple):
    """One world of a cell: who passed the planted candidate, when, and whether we passed another one."""

    ours: bool
    oracle: bool
    day: int
    is_false: bool


def looks_of(years: int) -> tuple[Look, ...]:
    """List the looks of the last calendar year of so many, once a record may be tested."""
    all_ = weekly_looks(FIRST_DAY, 365 * years)
    return tuple(one for one in all_ if one.year == FIRST_DAY.year + years - 1 and one.n_days >= LEAST_DAYS)


def over(seeds: range, run: Callable[[int], Answer]) -> list[Answer]:
    """Two worlds at a time; compiled loops let the other thread run."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, seeds))


def first_false_days(kind: str, seeds: range) -> list[int]:
    """Day of the year of each world's first false promotion, 0 where there was none."""
    looks, size = looks_of(NOISE_YEARS), Size(365 * NOISE_YEARS, CANDIDATES)

    def first_false(seed: int) -> int:
        world = NOISE[kind](np.random.default_rng([1, seed]), size)
        terms = DecisionTerms(longest_holding_days=world.longest_holding_days, seed=seed)
        for seen in seen_at(world.returns, looks, terms, beyond_holding=world.beyond_holding):
            if seen.passed.any():
                return seen.look.n_days - 365 * (NOISE_YEARS - 1)
        return 0

    return over(seeds, first_false)


def played(cell: Cell, seeds: range, critical: float) -> list[Played]:
    """Plant an edge and tell who passed it by the last look, on the same worlds."""
    looks, deviation = looks_of(cell.years), oracle.true_deviation(cell.kind)

    def play(seed: int) -> Played:
        returns = NOISE[cell.kind](np.random.default_rng([2, seed]), cell.size).returns
        returns[:, PLANTED] += cell.sharpe / np.sqrt(365) * deviation
        known = oracle.statistics(returns, looks, deviation)[:, PLANTED].max() > critical
        day, is_false = 0, False
        for seen in seen_at(returns, looks, DecisionTerms(seed=seed, spending=cell.spending)):
            day = day or (seen.look.n_days if seen.passed[PLANTED] else 0)
            is_false = bool(np.delete(seen.passed, PLANTED).any())
        return Played(day > 0, bool(known), day, is_false)

    return over(seeds, play)
