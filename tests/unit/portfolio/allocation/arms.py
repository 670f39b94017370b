"""Arms with records that are made to measure."""

from typing import Any

import numpy as np

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.portfolio.allocation import AllocationPlan, Arm, NoPlan, Weight, allocate

PLAIN = AllocationSettings(tilt="none", increase_step=1.0)


def record(
    seed: int, *, n_days: int = 365, sharpe: float = 2.0, volatility: float = 0.3, copy: float = 0.0
) -> FloatArray:
    """Days with exactly this Sharpe ratio and volatility a year; ``copy`` is their share of seed 0's days."""
    own, other = (np.random.default_rng(one).standard_normal(n_days) for one in (seed, 0))
    noise = copy * other + np.sqrt(1.0 - copy**2) * own
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    return np.asarray(volatility * (noise / np.sqrt(365.0) + sharpe / 365.0))


def arm(key: int, returns: FloatArray | None = None, **values: Any) -> Arm:
    known = record(key + 100) if returns is None else returns
    days = np.arange(known.size, dtype=np.int64) * DAY_MS
    given: dict[str, Any] = {"family": f"s{key}", "exchange": "x", "symbol": f"C{key}"}
    return Arm(key=key, days=days, returns=known, **(given | values))


def planned(*arms: Arm, terms: AllocationSettings = PLAIN) -> AllocationPlan:
    found = allocate(arms, terms)
    assert isinstance(found, AllocationPlan), found
    return found


def weights(*arms: Arm, terms: AllocationSettings = PLAIN) -> dict[int, Weight]:
    return {one.key: one for one in planned(*arms, terms=terms).weights}


def refused(*arms: Arm, terms: AllocationSettings = PLAIN) -> NoPlan:
    found = allocate(arms, terms)
    assert isinstance(found, NoPlan), found
    return found
