"""What is true in a world and nobody in it knows: how much each unit earns, day by day.

A unit's days before the year are its record's; those of the year are earned by the record and, after costs of
its own, by whatever trades it. All units share a part of their noise, as coins do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS

DAYS_BEFORE: Final = 720
DAYS: Final = 365
VOLATILITY: Final = 0.02
"""Standard deviation of a unit's daily return."""
_SHARED: Final = 0.5
"""Share of the variance that all units have in common."""
BETTER: Final = "b"
BETTER_FROM: Final = 40
"""Day of the year on which the better text comes."""
BETTER_BY: Final = 0.003
"""What it earns more a day on average, fraction: its own record as much as what trades."""
_BETTER_SPREAD: Final = 0.004
"""Standard deviation of what it earns more: it decides otherwise on some days."""
REFIT_DAYS: Final = 84
MISFIT_WINDOW: Final = 99
MISFIT_FROM: Final = 120
MISFIT_LOSES: Final = 0.01
"""What that parameter loses on each day of trading, fraction, though its record shows nothing of it."""
EXCHANGE: Final = "binanceusdm"
SYMBOLS: Final = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT")


class Unit(NamedTuple):
    """A strategy on a symbol."""

    strategy: str
    symbol: str


class Traded(NamedTuple):
    """What a deployment trades: a unit, by a version of its text and a parameter."""

    unit: Unit
    version: str
    window: int


class Truth(NamedTuple):
    """A world.

    Parameters
    ----------
    sharpe
        True annualized Sharpe ratio of each unit's first version; arrays of shape (DAYS_BEFORE + DAYS,).
    returns
        Its daily returns after costs, fractions; shapes as above.
    more
        What its better version earns more; shapes as above.
    market
        What holding each coin earns, by symbol, where strategies hold it; else nobody holds anything.
    """

    sharpe: dict[Unit, FloatArray]
    returns: dict[Unit, FloatArray]
    more: dict[Unit, FloatArray]
    market: dict[str, FloatArray]

    @property
    def n_days(self) -> int:
        """Days of it, those before the year included."""
        return DAYS_BEFORE + DAYS

    def record(self, unit: Unit, version: str, until: int) -> FloatArray:
        """Out-of-sample returns of a version's record up to a day of the year, which is the last one."""
        days = self.returns[unit][: DAYS_BEFORE + until + 1]
        return days + self.more[unit][: days.size] if version == BETTER else days

    def earned(self, traded: Traded, day: int) -> float:
        """Return of a deployment on a day of the year."""
        own = float(self.returns[traded.unit][DAYS_BEFORE + day])
        better = float(self.more[traded.unit][DAYS_BEFORE + day]) if traded.version == BETTER else 0.0
        return own + better - (MISFIT_LOSES if traded.window == MISFIT_WINDOW else 0.0)

    def mean_ahead(self, unit: Unit, day: int, days: int = 30) -> float:
        """Mean of the true Sharpe ratio over the days from one of the year on."""
        return float(self.sharpe[unit][DAYS_BEFORE + day : DAYS_BEFORE + day + days].mean())


def version_of(unit: Unit, day: int) -> str:
    """Text that the night behind a day searches: one strategy gets a better one during the year."""
    return BETTER if unit.strategy == "improved" and day >= BETTER_FROM else "a"


def window_of(unit: Unit, day: int) -> int:
    """Parameter that the night behind a day finds: every quarter another one, one strategy a bad one."""
    if unit.strategy == "misfitted" and day >= MISFIT_FROM:
        return MISFIT_WINDOW
    return 20 + day // REFIT_DAYS


Course = Callable[[np.random.Generator], FloatArray]
"""Draws the true Sharpe ratio of a strategy, day by day."""


def _noise(_chance: np.random.Generator) -> FloatArray:
    return np.zeros(DAYS_BEFORE + DAYS)


def _steady(_chance: np.random.Generator) -> FloatArray:
    return np.full(DAYS_BEFORE + DAYS, 3.0)


def _decaying(chance: np.random.Generator) -> FloatArray:
    """Earns until a day of the year, and loses as much from then on."""
    course = _steady(chance)
    course[DAYS_BEFORE + int(chance.integers(90, 180)) :] = -3.0
    return course


COURSES: Final[dict[str, Course]] = {
    "improved": _steady,
    "misfitted": _steady,
    "decaying": _decaying,
    "noise_a": _noise,
    "noise_b": _noise,
    "noise_c": _noise,
}
"""Strategies by name, each on every symbol."""


def draw(seed: int, courses: Mapping[str, Course] = COURSES, symbols: Sequence[str] = SYMBOLS) -> Truth:
    """Draw a world.

    Parameters
    ----------
    seed
        Of everything in it.
    courses, symbols
        Its strategies, each on every symbol.
    """
    chance = np.random.default_rng([seed, 1])
    n_days = DAYS_BEFORE + DAYS
    shared = chance.standard_normal(n_days)
    sharpe, returns, more = {}, {}, {}
    other = np.random.default_rng([seed, 3])
    for strategy, course in courses.items():
        path = course(chance)
        for symbol in symbols:
            noise = np.sqrt(_SHARED) * shared + np.sqrt(1.0 - _SHARED) * chance.standard_normal(n_days)
            sharpe[Unit(strategy, symbol)] = path
            returns[Unit(strategy, symbol)] = VOLATILITY * (noise + path / np.sqrt(YEAR_DAYS))
            more[Unit(strategy, symbol)] = other.normal(BETTER_BY, _BETTER_SPREAD, n_days)
    return Truth(sharpe, returns, more, {})
