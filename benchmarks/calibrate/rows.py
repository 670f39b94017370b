"""Rows of the calibration: seeded worlds through the decision, beside the oracle's answer where asked."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import NamedTuple

import numpy as np

from benchmarks.calibrate import oracle
from benchmarks.calibrate.worlds import NOISE, Size
from quant_pipelines.optimize.decision import DecisionTerms, Look, Spending, seen_at, weekly_looks

FIRST_DAY = date(2025, 1, 1)
CANDIDATES = 24
PLANTED = 7
LEAST_DAYS = DecisionTerms().least_days


def looks_of(years: int) -> tuple[Look, ...]:
    """List the looks of the last calendar year of so many, once a record may be tested."""
    all_ = weekly_looks(FIRST_DAY, 365 * years)
    return tuple(one for one in all_ if one.year == FIRST_DAY.year + years - 1 and one.n_days >= LEAST_DAYS)


class FalsePromotions(NamedTuple):
    kind: str
    worlds: int
    within_30_days: int
    within_365_days: int


class Power(NamedTuple):
    sharpe: float
    years: int
    ours: list[bool]
    oracle: list[bool]
    days: list[int]
    false: int


def over(worlds: int, run: Callable[[int], object]) -> Iterable[object]:
    """Two worlds at a time; compiled loops let the other thread run."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(run, range(worlds))


def noise_row(kind: str, worlds: int, years: int = 2) -> FalsePromotions:
    """Count false promotions of a year, and of its last 30 days, which spend the most."""
    looks, size = looks_of(years), Size(365 * years, CANDIDATES)

    def first_false(seed: int) -> int:
        world = NOISE[kind](np.random.default_rng([1, seed]), size)
        terms = DecisionTerms(longest_holding_days=world.longest_holding_days, seed=seed)
        for seen in seen_at(world.returns, looks, terms, beyond_holding=world.beyond_holding):
            if seen.passed.any():
                return seen.look.n_days
        return 0

    days = [int(str(day)) for day in over(worlds, first_false)]
    late = size.days - 30
    return FalsePromotions(kind, worlds, sum(day > late for day in days), sum(day > 0 for day in days))


def power_row(
    kind: str, sharpe: float, years: int, *, worlds: int, critical: float, spending: Spending
) -> Power:
    """Tell who passed the planted candidate by the last look, we or the oracle, on the same worlds."""
    looks, size = looks_of(years), Size(365 * years, CANDIDATES)
    deviation = oracle.true_deviation(kind)

    def played(seed: int) -> tuple[bool, bool, int, bool]:
        returns = NOISE[kind](np.random.default_rng([2, seed]), size).returns
        returns[:, PLANTED] += sharpe / np.sqrt(365) * deviation
        known = oracle.statistics(returns, looks, deviation)[:, PLANTED].max() > critical
        day, false = 0, False
        for seen in seen_at(returns, looks, DecisionTerms(seed=seed, spending=spending)):
            day = day or (seen.look.n_days if seen.passed[PLANTED] else 0)
            false = bool(np.delete(seen.passed, PLANTED).any())
        return day > 0, bool(known), day, false

    found = [tuple(one) for one in over(worlds, played)]  # type: ignore[call-overload]
    ours, known, days, false = (list(column) for column in zip(*found, strict=True))
    return Power(sharpe, years, ours, known, [day for day in days if day], sum(false))
