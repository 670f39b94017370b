"""What the allocation is asked about, and what it answers: plain values."""

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from quant_pipelines.core.allocation_rules import Bound, Rule
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import ConfigurationError

Source: TypeAlias = Literal["record", "symbol"]
"""Where a volatility comes from: its own days, or the symbol's, where its own show none."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A deployment that asks for capital.

    Parameters
    ----------
    key
        Id of the deployment.
    family, exchange, symbol
        Strategy, and what it trades.
    days
        Start of each UTC day of its record, milliseconds, rising. ndarray of shape (n_days,), int64.
    returns
        What a unit of notional at full target earned on them after costs, fractions. The same shape, float64.
    weight
        Notional at full target over the account's equity as it is now.
    least_weight
        The same of one lot, or of the smallest order.
    exposure
        Mean signed position of late as a fraction of the full target, in [-1, 1]; 1 where nobody knows.
    symbol_volatility
        Volatility of the symbol itself, a fraction a year; NaN where it is not known.
    held_back
        Why its weight may not rise, in words; empty where it may.

    Raises
    ------
    ConfigurationError
        If days and returns do not belong together, or a number is not finite.
    """

    key: int
    family: str
    exchange: str
    symbol: str
    days: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    returns: FloatArray = field(default_factory=lambda: np.empty(0))
    weight: float = 0.0
    least_weight: float = 0.0
    exposure: float = 1.0
    symbol_volatility: float = math.nan
    held_back: str = ""

    def __post_init__(self) -> None:
        if self.days.shape != self.returns.shape or np.any(np.diff(self.days) <= 0):
            raise ConfigurationError(f"days of deployment:{self.key} don't rise with a return for each")
        for name in ("returns", "weight", "least_weight", "exposure"):
            if not np.all(np.isfinite(getattr(self, name))):
                raise ConfigurationError(f"{name} of deployment:{self.key} is not finite; expected numbers")
        if min(self.weight, self.least_weight) < 0.0:
            raise ConfigurationError(
                f"weight of deployment:{self.key} is below 0; expected none that is short"
            )

    @property
    def market(self) -> tuple[str, str]:
        """Where it trades."""
        return self.exchange, self.symbol


class Estimate(NamedTuple):
    """What a record says of an arm.

    Parameters
    ----------
    volatility
        The largest of its measures, a fraction a year; NaN where nothing is known.
    source
        Whose volatility it is.
    sharpe
        Mean of a year over that volatility; 0 where there is no record.
    believed_sharpe
        The same, shrunk by the length of the record.
    kelly
        Weight at which the shrunk mean is paid for its variance, times the fraction; 0 without an edge.
    years
        Length of the record.
    """

    volatility: float
    source: Source
    sharpe: float
    believed_sharpe: float
    kelly: float
    years: float


@dataclass(frozen=True, slots=True)
class Weight:
    """What an arm gets.

    Parameters
    ----------
    key
        Id of the deployment.
    target
        Notional at full target over the account's equity.
    weight
        Where it goes today: the target, or part of the way up to it.
    bound
        What decided the target.
    reason
        One sentence with the figures.
    idea
        Lowest key of those that are one idea with it.
    risk_share
        Share of the account's risk, tilted; 0 for one that takes none.
    tilts
        Factor on its risk share by the name of each rule, whichever is in force.
    estimate
        What its record says.
    """

    key: int
    target: float
    weight: float
    bound: Bound
    reason: str
    idea: int
    risk_share: float
    tilts: dict[str, float]
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class AllocationPlan:
    """A plan for one account.

    Parameters
    ----------
    weights
        One for each arm, by key.
    volatility
        Of all targets together, a fraction a year.
    scale
        Factor on the risk shares.
    shrinkage
        How far the correlations were drawn to none, in [0, 1]; NaN where too few shared days are known.
    """

    weights: tuple[Weight, ...]
    volatility: float
    scale: float
    shrinkage: float


class NoPlan(NamedTuple):
    """Why nothing is planned: the rule's name and one sentence."""

    rule: Rule
    reason: str
