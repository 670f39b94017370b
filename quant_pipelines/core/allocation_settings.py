"""Settings of the allocation: which capital a plan may move, and within which bounds."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import setting

_MODES = ("propose", "apply")


@dataclass(frozen=True, slots=True)
class AllocationSettings:
    """How the daily plan shares out capital."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    paper_mode: str = setting(
        "apply",
        "apply: the daily plan changes the capital of paper and shadow deployments; propose: it is stored, "
        "and a person carries it out (quant rebalance)",
        choices=_MODES,
    )
    live_mode: str = setting(
        "propose",
        "the same of live deployments; a canary keeps its share until it is live",
        choices=_MODES,
    )
    target_volatility: float = setting(
        0.20, "volatility that an account's deployments have together, a fraction a year", low=0.001, high=5
    )
    max_weight: float = setting(
        0.25,
        "largest notional of a deployment at full target over the account's equity",
        low=0.0001,
        high=100,
    )
    kelly_fraction: float = setting(
        0.25, "share of the Kelly weight of the shrunk mean that a weight may reach", low=0, high=0.25
    )
    prior_years: float = setting(
        4.0,
        "years of a record at which half of its Sharpe ratio is believed: it counts by T / (T + this)",
        low=0.1,
        high=100,
    )
    volatility_floor: float = setting(
        0.05, "volatility below which none is believed, a fraction a year", low=0.001, high=5
    )
    largest_scale: float = setting(
        2.0, "largest factor by which risk shares are raised to reach the volatility", low=1, high=10
    )
    max_gross: float = setting(
        1.0, "sum of all notionals at full target over the account's equity", low=0.0001, high=100
    )
    max_net: float = setting(
        1.0,
        "the same, long less short, by the mean exposure of the last 20 days; unknown counts as long",
        low=0.0001,
        high=100,
    )
    max_symbol: float = setting(
        0.5, "the same of one symbol, its deployments added up without their signs", low=0.0001, high=100
    )
    max_exchange: float = setting(1.0, "the same of one exchange", low=0.0001, high=100)
    idea_correlation: float = setting(
        0.7, "correlation above which, of either sign, two deployments are one idea", low=0.1, high=1
    )
    mirror_correlation: float = setting(
        0.9, "correlation below the negative of which the weaker of two gets nothing", low=0.1, high=1
    )
    fewest_days: int = setting(60, "shared days from which on a correlation is believed", low=20, high=3650)
    tilt: str = setting(
        "thompson",
        "what moves a risk share between half and double: discounted Thompson sampling, ucb1, hedge (all are "
        "shown), or none",
        choices=("thompson", "ucb1", "hedge", "none"),
    )
    tilt_days: float = setting(
        90.0, "mean age in days of what Thompson sampling and Hedge remember", low=5, high=3650
    )
    increase_step: float = setting(
        0.34,
        "part of the way up to its target that a weight goes in a day; down it goes at once",
        low=0.01,
        high=1,
    )
    paper_capital: float = setting(
        1000.0,
        "quote currency that a paper deployment keeps at least: without a book nobody would measure it",
        low=0,
        high=10**12,
    )
