"""Correlations go to 1: all units fall together on one day, and move as one for some more."""

from typing import Final

from tests.life.scene import Scene
from tests.life.truth import DAYS_BEFORE, Truth

CRASH_DAY: Final = 70
CRASH_DAYS: Final = 10
CRASH: Final = 0.12
"""What every unit loses on the first day of the crash, fraction; they move as one until it is over."""


def crash(truth: Truth) -> Truth:
    """Let all units fall together on one day, and move as one for some more."""
    span = slice(DAYS_BEFORE + CRASH_DAY, DAYS_BEFORE + CRASH_DAY + CRASH_DAYS)
    first = next(iter(truth.returns.values()))[span].copy()
    first[0] = -CRASH
    returns = {unit: days.copy() for unit, days in truth.returns.items()}
    for days in returns.values():
        days[span] = first
    return truth._replace(returns=returns)


SCENE: Final = Scene(change=crash)
