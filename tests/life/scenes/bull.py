"""A bull market without skill: every coin rises, and every strategy holds it."""

from typing import Final

import numpy as np

from tests.life.scene import Scene, named
from tests.life.truth import VOLATILITY, Truth

DRIFT: Final = 0.004
"""What a coin rises a day, fraction: a Sharpe ratio near four without any skill."""


def bull(truth: Truth) -> Truth:
    """Let every coin rise, and every strategy hold it: nobody has skill."""
    market, returns = {}, {}
    for number, symbol in enumerate(sorted({unit.symbol for unit in truth.returns})):
        days = np.random.default_rng([number, 7]).normal(DRIFT, VOLATILITY, truth.n_days)
        market[symbol] = days
    for number, unit in enumerate(truth.returns):
        own = np.random.default_rng([number, 8]).normal(0.0, 0.2 * VOLATILITY, truth.n_days)
        returns[unit] = market[unit.symbol] + own
    nobody = {unit: np.zeros(truth.n_days) for unit in returns}
    return truth._replace(returns=returns, sharpe=nobody, market=market)


SCENE: Final = Scene(named("noise_a", "noise_b", "noise_c"), change=bull)
