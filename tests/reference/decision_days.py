"""Seeded days that the decision and the ``arch`` package judge; needs numpy alone."""

import numpy as np
from numpy.typing import NDArray

N_DAYS, N_CANDIDATES, BLOCK, SIZE = 600, 10, 4, 0.05
WORLDS = range(16)


def days_of(world: int) -> NDArray[np.float64]:
    """Days of candidates that are alike in volatility; the first ``world % 4`` of them have an edge.

    Every other world's days depend on the day before, and the candidates share a factor. The edge is plain
    enough that the order of the two programs' random numbers can't decide it.
    """
    chance = np.random.default_rng([41, world])
    shocks = 0.5 * chance.standard_normal((N_DAYS, 1)) + chance.standard_normal((N_DAYS, N_CANDIDATES))
    if world % 2:
        for day in range(1, N_DAYS):
            shocks[day] += 0.3 * shocks[day - 1]
    shocks /= shocks.std(axis=0)
    shocks -= np.clip(shocks.mean(axis=0), 0.0, None)
    edges = np.where(np.arange(N_CANDIDATES) < world % 4, 0.25 + 0.05 * np.arange(N_CANDIDATES), 0.0)
    return np.asarray(0.02 * (shocks + edges))


def luck_of(world: int) -> NDArray[np.float64]:
    """Days without any edge, each candidate as lucky as it is.

    All means of circular blocks scatter alike: ``arch`` compares means as they are, whatever it is told of
    studentizing, and so says the same as a test that divides by the scatter.
    """
    chance = np.random.default_rng([42, world])
    luck = chance.standard_normal((N_DAYS, N_CANDIDATES)) + 0.02 * (world % 5)
    following = np.vstack([luck, luck[: BLOCK - 1]])
    blocks = sum(following[day : day + N_DAYS] for day in range(BLOCK)) / BLOCK
    return np.asarray(0.02 * luck / blocks.std(axis=0))


def dependent_days(series: int) -> NDArray[np.float64]:
    """One series: independent, following or opposing the day before, or a mean of the last days."""
    shocks = np.random.default_rng([43, series]).standard_normal(N_DAYS + 20)
    kind, strength = series % 4, 0.2 + 0.1 * (series // 4)
    if kind == 0:
        return shocks[20:]
    if kind == 3:
        sums = np.cumsum(shocks)
        width = 2 + series // 4
        return np.asarray(sums[20:] - sums[20 - width : -width])
    days = np.zeros(shocks.size)
    for day in range(1, shocks.size):
        days[day] = shocks[day] + (strength if kind == 1 else -strength) * days[day - 1]
    return days[20:]
