"""What a judge would pass who knows every candidate's true volatility, but not which one has the edge."""

import numpy as np

from benchmarks.calibrate.worlds import NOISE, Size
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.decision import Look

LONG_RUN_DAYS = 20_000


def true_deviation(kind: str) -> float:
    """Of a day, over many simulated ones; the candidates of a kind are alike and their days uncorrelated."""
    world = NOISE[kind](np.random.default_rng([9, 9]), Size(LONG_RUN_DAYS, 1))
    return float(world.returns.std())


def statistics(returns: FloatArray, looks: tuple[Look, ...], deviation: float) -> FloatArray:
    """Z(t) = mean sqrt(t) / sigma at each look, shape (n_looks, n_candidates)."""
    days = np.array([look.n_days for look in looks])
    sums = np.add.reduceat(returns[: days[-1]], np.r_[0, days[:-1]], axis=0)
    return np.cumsum(sums, axis=0) / np.sqrt(days)[:, None] / deviation


def critical(kind: str, size: Size, looks: tuple[Look, ...], *, alpha: float, n_worlds: int) -> float:
    """1 - alpha quantile of the maximum over candidates and looks in worlds without an edge."""
    deviation = true_deviation(kind)
    highest = [
        statistics(NOISE[kind](np.random.default_rng([7, seed]), size).returns, looks, deviation).max()
        for seed in range(n_worlds)
    ]
    return float(np.quantile(highest, 1.0 - alpha))
