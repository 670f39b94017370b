"""Bandits on the arms' daily results, and the stated map from each to a factor on the risk share.

Every arm shows its result each day, on paper too, so a pull is a day. A day's result is standardized by the
arm's volatility. Only what is high is cut: whoever cuts losses as well sees a seller of insurance as skilled.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.portfolio.allocation.arms import Arm, Estimate

LOWEST, HIGHEST = 0.5, 2.0
"""Between them a tilt lies, whatever a bandit believes."""
_BEST_DAY, _WORST_DAY = 2.0, 8.0
"""Deviations at which a day's result is cut, and at which its reward is 0."""
_IDLE = _WORST_DAY / (_WORST_DAY + _BEST_DAY)
"""Reward of a day without a result."""
_PRIOR_DEVIATION = 0.5 / math.sqrt(YEAR_DAYS)
"""Of a strategy's true daily Sharpe ratio: half a unit a year, as the mean is shrunk by default."""
_DRAWS = 2000


class Results(NamedTuple):
    """Standardized days of the arms, oldest first: deviations, cut above; and their ages in days."""

    days: tuple[FloatArray, ...]
    ages: tuple[FloatArray, ...]


def results_of(arms: Sequence[Arm], estimates: Mapping[int, Estimate]) -> Results:
    """Standardize the records; the newest day of any arm is of age 0."""
    newest = max((int(arm.days[-1]) for arm in arms if arm.days.size), default=0)
    days = [arm.returns * math.sqrt(YEAR_DAYS) / estimates[arm.key].volatility for arm in arms]
    ages = [(newest - arm.days) / 86_400_000.0 for arm in arms]
    return Results(tuple(np.minimum(one, _BEST_DAY) for one in days), tuple(ages))


def rewards(days: FloatArray) -> FloatArray:
    """Map standardized days to [0, 1]: eight deviations down are 0, two up are 1."""
    return np.clip((days + _WORST_DAY) / (_WORST_DAY + _BEST_DAY), 0.0, 1.0)


def ucb1_indices(means: Sequence[float], pulls: Sequence[int]) -> FloatArray:
    """Index of each arm, ``mean + sqrt(2 ln n / n_i)`` (Auer, Cesa-Bianchi, Fischer 2002); infinite unpulled.

    Examples
    --------
    >>> ucb1_indices([1.0, 0.0, 1.0], [1, 1, 1]).round(4).tolist()
    [2.4823, 1.4823, 2.4823]
    """
    n = sum(pulls)
    return np.array(
        [
            mean + math.sqrt(2.0 * math.log(n) / count) if count else math.inf
            for mean, count in zip(means, pulls, strict=True)
        ]
    )


def chances_of_best(results: Results, mean_age: float, generator: np.random.Generator) -> FloatArray:
    """How often each arm is the best one in draws of discounted Gaussian Thompson sampling; they sum to 1.

    Parameters
    ----------
    results
        Of every arm; one without days is drawn from the prior.
    mean_age
        Days after which a result counts for 1/e.
    generator
        Seeded: the same draws for the same day.
    """
    means, precisions = [], []
    for days, ages in zip(*results, strict=True):
        kept = np.exp(-ages / mean_age)
        precision = float(kept.sum()) + 1.0 / _PRIOR_DEVIATION**2
        means.append(float(kept @ days) / precision)
        precisions.append(precision)
    draws = generator.normal(means, 1.0 / np.sqrt(precisions), size=(_DRAWS, len(means)))
    return np.bincount(draws.argmax(axis=1), minlength=len(means)) / _DRAWS


def hedge_shares(gains: FloatArray, n_rounds: float) -> FloatArray:
    """Shares of Hedge (Freund, Schapire 1997): ``exp(rate * gain)``, rate ``sqrt(8 ln K / n)``, summing to 1.

    Parameters
    ----------
    gains
        Sum of each arm's rewards in [0, 1]. ndarray of shape (n_arms,), float64.
    n_rounds
        How many days are summed.
    """
    rate = math.sqrt(8.0 * math.log(max(gains.size, 1)) / max(n_rounds, 1.0))
    raised = np.exp(rate * (gains - gains.max(initial=0.0)))
    return np.asarray(raised / raised.sum())


def tilts_of(results: Results, terms: AllocationSettings, seed: int) -> dict[str, FloatArray]:
    """Factor on the risk share of each arm, by rule, each in [1/2, 2].

    The maps: UCB1's index over the mean index; the chance of being best, and Hedge's share, each times the
    number of arms.
    """
    n_arms = len(results.days)
    if not n_arms:
        return {}
    paid = [rewards(days) for days in results.days]
    indices = ucb1_indices(
        [float(one.mean()) if one.size else 0.0 for one in paid], [one.size for one in paid]
    )
    known = indices[np.isfinite(indices)]
    chances = chances_of_best(results, terms.tilt_days, np.random.default_rng(seed))
    kept = [np.exp(-ages / terms.tilt_days) for ages in results.ages]
    # An arm's missing days count as the mean of those that it has: Hedge asks for all of them.
    n_rounds = max(float(one.sum()) for one in kept)
    means = [float(k @ p / k.sum()) if p.size else _IDLE for k, p in zip(kept, paid, strict=True)]
    shares = hedge_shares(n_rounds * np.array(means), n_rounds)
    found = {
        "ucb1": indices / known.mean() if known.size else np.ones(n_arms),
        "thompson": n_arms * chances,
        "hedge": n_arms * shares,
        "none": np.ones(n_arms),
    }
    return {name: np.clip(values, LOWEST, HIGHEST) for name, values in found.items()}


def tilted(shares: FloatArray, tilts: FloatArray) -> FloatArray:
    """Tilt shares of the risk so that they still sum to 1, and each stays within [1/2, 2] of its own.

    Examples
    --------
    >>> import numpy as np
    >>> tilted(np.array([0.5, 0.5]), np.array([2.0, 0.5])).round(4).tolist()
    [0.75, 0.25]
    """
    low, high = 0.0, HIGHEST / LOWEST
    for _ in range(80):
        middle = 0.5 * (low + high)
        total = float((shares * np.clip(middle * tilts, LOWEST, HIGHEST)).sum())
        low, high = (middle, high) if total < float(shares.sum()) else (low, middle)
    return np.asarray(shares * np.clip(high * tilts, LOWEST, HIGHEST))
