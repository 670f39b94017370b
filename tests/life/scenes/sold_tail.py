"""A sold tail: a little is earned each day, until one day takes it all."""

from typing import Final

import numpy as np

from tests.life.scene import Scene
from tests.life.truth import COURSES, DAYS_BEFORE, Truth

TAIL_DAY: Final = 60
TAIL: Final = 0.6


def sold_tail(truth: Truth) -> Truth:
    """Let the strategies of that name earn a little each day, until one day takes it all."""
    returns = dict(truth.returns)
    for number, unit in enumerate(truth.returns):
        if unit.strategy == "sold_tail":
            chance = np.random.default_rng(number)
            returns[unit] = 0.0006 + 0.001 * chance.standard_normal(returns[unit].size)
            returns[unit][DAYS_BEFORE + TAIL_DAY] = -TAIL
    return truth._replace(returns=returns)


SCENE: Final = Scene({"sold_tail": COURSES["noise_a"], "noise_a": COURSES["noise_a"]}, change=sold_tail)
