"""Who rests, pure: the worst deployment, and only when its Sharpe ratio is below zero with confidence.

The upper confidence bound decides, as in a bandit that drops an arm: a short or lucky record is left alone.
The confidence is shared among all that were ranked, for the worst of many looks bad by chance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.overfit import moments_of


@dataclass(frozen=True, slots=True)
class Rank:
    """One deployment in the ranking; Sharpe ratios are annualized.

    Parameters
    ----------
    deployment_id
        Whose.
    sharpe
        Of the days in the window.
    upper_bound
        What the true one exceeds only with the remaining probability.
    days
        Days that it rests on.
    """

    deployment_id: int
    sharpe: float
    upper_bound: float
    days: int


def rank_deployments(returns: Mapping[int, FloatArray], settings: LadderSettings) -> list[Rank]:
    """Rank by rolling Sharpe ratio, worst first; too few days, or days that are all the same, are not ranked.

    Parameters
    ----------
    returns
        Deployment id to its daily returns of complete UTC days, oldest first. ndarrays of shape (n_days,).
    settings
        Window, shortest record and confidence.
    """
    seen = {key: series[-settings.cull_window_days :] for key, series in returns.items()}
    seen = {
        key: series
        for key, series in seen.items()
        if series.size >= settings.cull_min_days and not math.isnan(moments_of(series).sharpe)
    }
    deviations = NormalDist().inv_cdf(1.0 - (1.0 - settings.cull_confidence) / max(len(seen), 1))
    return sorted(
        (_rank(key, series, deviations) for key, series in seen.items()), key=lambda one: one.sharpe
    )


def worst_with_confidence(ranking: list[Rank]) -> Rank | None:
    """Return the last one of the ranking if even its upper bound is below zero; None when nobody rests."""
    return ranking[0] if ranking and ranking[0].upper_bound < 0.0 else None


def _rank(deployment_id: int, returns: FloatArray, deviations: float) -> Rank:
    sharpe, skew, kurtosis, n = moments_of(returns)
    variance = max(1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2, 1e-12) / (n - 1)
    scale = math.sqrt(YEAR_DAYS)
    return Rank(deployment_id, scale * sharpe, scale * (sharpe + deviations * math.sqrt(variance)), n)
