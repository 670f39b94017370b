"""Probability that a symbol is in its turbulent regime, filtered: only what was known at the time counts."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray

CALM, TURBULENT = 0.75, 2.0
"""Standard deviation of each regime, in multiples of the symbol's usual one."""
STAY = 0.98
"""Probability of staying in the regime for another step."""


def turbulence(returns: FloatArray, usual_deviation: float) -> FloatArray:
    """Filter the probability of the turbulent one of two regimes.

    A hidden Markov chain of two zero-mean normal regimes with fixed parameters, run forward once (Hamilton
    1989, *Econometrica* 57(2), eq. 4-5); it is never smoothed with later returns. Fixed parameters make the
    number comparable across symbols and free of a fit that could look ahead.

    Parameters
    ----------
    returns
        Log returns, oldest first. ndarray of shape (n_steps,), float64, finite.
    usual_deviation
        Standard deviation that the symbol usually has over one step, from data before ``returns``.

    Returns
    -------
    ndarray of shape (n_steps,), float64
        ``result[i]`` uses ``returns[: i + 1]``; all 0.5 if the usual deviation is not positive.
    """
    probabilities = np.full(returns.size, 0.5)
    if not usual_deviation > 0:
        return probabilities
    scale = np.array([CALM, TURBULENT]) * usual_deviation
    density = np.exp(-0.5 * (returns[:, None] / scale) ** 2) / scale
    density = np.maximum(density, np.finfo(np.float64).tiny)
    turbulent = 0.5
    for step in range(returns.size):
        expected = turbulent * STAY + (1.0 - turbulent) * (1.0 - STAY)
        likelihood = np.array([(1.0 - expected) * density[step, 0], expected * density[step, 1]])
        turbulent = float(likelihood[1] / likelihood.sum())
        probabilities[step] = turbulent
    return probabilities
