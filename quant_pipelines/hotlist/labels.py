"""Risk labels of a hot coin: how far it may move, how much leverage that leaves, what mood it is in."""

import math
from dataclasses import dataclass

from quant_pipelines.hotlist.inputs import (
    STEPS_PER_DAY,
    FactorInputs,
    root_mean_square,
    turbulence_path,
    usual_and_recent_returns,
)

BAND_DEVIATIONS = 2.0
ADVERSE_DEVIATIONS = 3.0
_MAINTENANCE = 0.01
_TURBULENT = 0.8


@dataclass(frozen=True, slots=True)
class RiskLabels:
    """Risk of one symbol, from its last 24 hours.

    Parameters
    ----------
    daily_volatility
        Standard deviation of a day's log return, as a fraction; NaN without history.
    band_low, band_high
        Prices between which the next day stays in about 95 of 100 cases: last close · exp(± 2 volatility).
    safe_leverage
        Leverage at which an adverse move of three daily standard deviations leaves 1 % of notional:
        1 / (3 volatility + 0.01), at most what the venue grants.
    mood
        ``turbulent``, ``greedy``, ``fearful``, ``calm`` or ``unknown``.
    """

    daily_volatility: float
    band_low: float
    band_high: float
    safe_leverage: float
    mood: str


def risk_labels(inputs: FactorInputs, max_leverage: float) -> RiskLabels:
    """Risk labels of one symbol.

    Parameters
    ----------
    inputs
        What is known about it.
    max_leverage
        Highest leverage that the venue grants.
    """
    _, recent = usual_and_recent_returns(inputs)
    daily = root_mean_square(recent) * math.sqrt(STEPS_PER_DAY)
    if not math.isfinite(daily):
        return RiskLabels(math.nan, math.nan, math.nan, math.nan, "unknown")
    last = float(inputs.close[-1])
    move = math.exp(BAND_DEVIATIONS * daily)
    leverage = min(1.0 / (ADVERSE_DEVIATIONS * daily + _MAINTENANCE), max_leverage)
    mood = _mood(float(recent.sum()), daily, inputs)
    return RiskLabels(daily, last / move, last * move, math.floor(leverage * 10) / 10, mood)


def _mood(day_return: float, daily: float, inputs: FactorInputs) -> str:
    """Turbulence first; else a day's move beyond one deviation that funding does not contradict."""
    if turbulence_path(inputs)[-1] > _TURBULENT:
        return "turbulent"
    funding = inputs.funding_rate if math.isfinite(inputs.funding_rate) else 0.0
    if day_return > daily and funding >= 0:
        return "greedy"
    if day_return < -daily and funding <= 0:
        return "fearful"
    return "calm"
