"""When a deployment's performance asks for a new optimization, pure.

Six triggers: the four that an operator would name (Sharpe ratio, drawdown, days without a new high, a low
quantile of the daily returns), and two against the deployment's own promise: its return over the window,
beside resamples of its own out-of-sample returns, and the volatility of its newest days beside theirs. A
seventh asks for no search but for less weight: the correlation with another deployment.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import TriggerSettings
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.overfit import moments_of, stationary_bootstrap_indices

SHARPE, DRAWDOWN, NO_HIGH, QUANTILE, BOOTSTRAP, VOLATILITY, CORRELATION = (
    "sharpe",
    "drawdown",
    "no_new_high",
    "return_quantile",
    "bootstrap_quantile",
    "volatility",
    "correlation",
)
_VOLATILITY_DAYS = 20
_RESAMPLES = 1000
_REMEMBERED = 512
_ROUGH: Final = 1e-9
"""How far a correlation of many at once may lie from that of two alone: sums are rounded otherwise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One trigger as of one look.

    Parameters
    ----------
    name
        Of the trigger.
    value
        What was measured; None while too little is known.
    threshold
        Where it fires.
    is_active
        Whether it stands: it fires at the threshold, and calms down only some way back from it.
    """

    name: str
    value: float | None
    threshold: float
    is_active: bool

    @property
    def sentence(self) -> str:
        """Name, value and threshold."""
        shown = "not known" if self.value is None else f"{self.value:.4g}"
        return f"{self.name} is {shown}, threshold {self.threshold:g}"


def read_triggers(
    returns: FloatArray, promised: FloatArray, settings: TriggerSettings, active: frozenset[str] = frozenset()
) -> tuple[Reading, ...]:
    """Measure all triggers.

    Parameters
    ----------
    returns
        Daily returns of complete UTC days, oldest first, fractions. ndarray of shape (n_days,), float64.
    promised
        Daily out-of-sample returns of its verdict. ndarray of shape (n_promised,), float64; may be empty.
    settings
        Thresholds.
    active
        Names of the triggers that stood at the last look.

    Notes
    -----
    With fewer days than ``min_days`` nothing is measured, and what stood goes on standing; so does the Sharpe
    ratio of returns that are all the same.
    """
    seen = returns[-settings.window_days :]
    values: dict[str, float | None] = dict.fromkeys(
        (SHARPE, DRAWDOWN, NO_HIGH, QUANTILE, BOOTSTRAP, VOLATILITY)
    )
    if seen.size >= settings.min_days:
        values = _measure(seen, promised, settings)
    bounds = (
        _Bound(SHARPE, settings.min_sharpe, -1.0, 1.0),
        _Bound(DRAWDOWN, settings.max_drawdown, 1.0),
        _Bound(NO_HIGH, float(settings.max_days_without_high), 1.0),
        _Bound(QUANTILE, settings.min_quantile_return, -1.0),
        _Bound(BOOTSTRAP, settings.bootstrap_quantile, -1.0),
        _Bound(VOLATILITY, settings.max_volatility_ratio, 1.0),
    )
    return tuple(
        _judge(bound, values[bound.name], settings.hysteresis, was_active=bound.name in active)
        for bound in bounds
    )


def is_request_due(
    readings: tuple[Reading, ...], days_since_last_request: float | None, settings: TriggerSettings
) -> bool:
    """Whether something stands and the deployment has rested since its last request (None: it had none)."""
    has_rested = days_since_last_request is None or days_since_last_request >= settings.cooldown_days
    return has_rested and any(reading.is_active and reading.name != CORRELATION for reading in readings)


def read_correlations(
    returns: Mapping[int, Mapping[int, float]],
    settings: TriggerSettings,
    active: frozenset[int] = frozenset(),
) -> dict[int, tuple[Reading, int | None]]:
    """Measure for each deployment with which other it moves together most.

    Parameters
    ----------
    returns
        Deployment id to its daily returns by day, fractions.
    settings
        Threshold, and the days that two must share.
    active
        Ids of the deployments whose trigger stood at the last look.

    Returns
    -------
    dict
        Deployment id to the reading and the other's id; None where none shares enough days.

    Notes
    -----
    Pearson's correlation on the newest ``correlation_days`` days that both have. What stands asks for no
    search: the weight of the two is one weight, and cutting one of them is the last resort.
    """
    bound, keys = _Bound(CORRELATION, settings.max_correlation, 1.0), list(returns)
    series, n_days = list(returns.values()), settings.correlation_days

    @cache
    def asked(one: int, other: int) -> float | None:
        return _correlation(series[one], series[other], n_days)

    rough, found = _rough(series, n_days), dict[int, tuple[Reading, int | None]]()
    for at, own in enumerate(keys):
        values = ((asked(*sorted((at, other))), keys[other]) for other in _highest(rough[at], at))
        best = [(value, key) for value, key in values if value is not None]
        reading, with_whom = max(best, default=(None, None))
        found[own] = (_judge(bound, reading, settings.hysteresis, was_active=own in active), with_whom)
    return found


def _rough(series: Sequence[Mapping[int, float]], n_days: int) -> FloatArray:
    """Correlations of all at once, as near as rounding; NaN where two alone have to be asked about."""
    rough, same = np.full((len(series), len(series)), np.nan), dict[tuple[int, ...], list[int]]()
    for at, one in enumerate(series):
        newest = tuple(sorted(one)[-n_days:])
        if len(newest) == n_days and np.ptp([one[day] for day in newest]) > 0.0:
            same.setdefault(newest, []).append(at)
    for days, own in same.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            rough[np.ix_(own, own)] = np.corrcoef([[series[at][day] for day in days] for at in own])
    return rough


def _highest(row: FloatArray, own: int) -> list[int]:
    """Places of the others that one may move together with most, and of those of whom that is not known."""
    others = np.delete(np.arange(row.size), own)
    known = row[others][~np.isnan(row[others])]
    highest = float(known.max()) if known.size else math.inf
    is_asked = np.isnan(row[others]) | (row[others] >= highest - _ROUGH)
    return [int(at) for at in others[is_asked]]


def _correlation(one: Mapping[int, float], other: Mapping[int, float], n_days: int) -> float | None:
    shared = sorted(one.keys() & other.keys())[-n_days:] if min(len(one), len(other)) >= n_days else []
    if len(shared) < n_days:
        return None
    pair = np.array([[series[day] for day in shared] for series in (one, other)])
    return float(np.corrcoef(pair)[0, 1]) if pair.std(axis=1).min() > 0.0 else None


def _measure(seen: FloatArray, promised: FloatArray, settings: TriggerSettings) -> dict[str, float | None]:
    equity = np.concatenate([[1.0], np.cumprod(1.0 + seen)])
    fall = 1.0 - equity / np.maximum.accumulate(equity)
    sharpe = moments_of(seen).sharpe
    return {
        SHARPE: None if math.isnan(sharpe) else sharpe * math.sqrt(YEAR_DAYS),
        DRAWDOWN: float(fall.max()),
        NO_HIGH: float(equity.size - 1 - int(np.flatnonzero(fall == 0.0)[-1])),
        QUANTILE: float(np.quantile(seen, settings.quantile)),
        BOOTSTRAP: _share_below(float(np.log1p(seen).sum()), int(seen.size), promised),
        VOLATILITY: _volatility_ratio(seen[-_VOLATILITY_DAYS:], promised),
    }


def _volatility_ratio(newest: FloatArray, promised: FloatArray) -> float | None:
    """Divide the standard deviation of the newest days by that of the out-of-sample days."""
    if newest.size < _VOLATILITY_DAYS or promised.size < _VOLATILITY_DAYS or not promised.std() > 0.0:
        return None
    return float(newest.std() / promised.std())


def _share_below(realized: float, n_days: int, promised: FloatArray) -> float | None:
    """Share of resampled out-of-sample paths of this length that ended at or below what was realized."""
    if promised.size < n_days:
        return None
    ends = _resampled_ends(np.ascontiguousarray(promised).tobytes(), n_days)
    return float(np.mean(ends <= realized))


@lru_cache(maxsize=_REMEMBERED)
def _resampled_ends(promised: bytes, n_days: int) -> FloatArray:
    """Log returns of resampled paths: once for a promise and a length, however many days are held against."""
    days = np.frombuffer(promised, dtype=np.float64)
    indices = stationary_bootstrap_indices(
        int(days.size),
        _RESAMPLES,
        mean_block=max(1.0, days.size ** (1 / 3)),
        generator=np.random.default_rng(0),
        length=n_days,
    )
    return np.asarray(np.log1p(days)[indices].sum(axis=0))


class _Bound(NamedTuple):
    """Threshold that a value fires above for sign 1, below for -1, and the unit of the margin at least."""

    name: str
    threshold: float
    sign: float
    unit: float = 0.0


def _judge(bound: _Bound, value: float | None, hysteresis: float, *, was_active: bool) -> Reading:
    """Fire beyond the threshold; stand until the margin is regained."""
    name, threshold, sign, unit = bound
    if value is None:
        return Reading(name, None, threshold, was_active)
    margin = hysteresis * max(abs(threshold), unit)
    edge = threshold - sign * margin if was_active else threshold
    return Reading(name, value, threshold, sign * (value - edge) > 0.0)
