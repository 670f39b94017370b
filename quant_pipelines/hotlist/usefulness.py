"""How useful a ranking of past hours was: rank correlation with what came after it, honestly.

Rankings are those that were stored at each hour. A return begins at the first full hour *after* its ranking,
so nothing that the ranking was made of is in it.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.ranking_claims import Claim, Target

TARGETS: Final[tuple[Target, ...]] = ("return", "size")
HORIZONS_HOURS: Final = (1, 4, 12, 24, 72, 168)
LEAST_SYMBOLS: Final = 5
"""Fewer ranked symbols in an hour make no rank correlation worth counting."""
LEAST_BLOCKS: Final = 10
CONFIDENCE: Final = 0.95
N_SHUFFLES: Final = 200
_DAY_HOURS = 24


class Shuffled(NamedTuple):
    """Mean rank correlation of shuffled rankings: their middle 95 %, and how many are as far from 0.

    Parameters
    ----------
    low, high
        2.5th and 97.5th percentile.
    p_value
        Share of shuffled rankings, ours among them, at least as far from 0 as ours.
    """

    low: float
    high: float
    p_value: float


class Usefulness(NamedTuple):
    """How a ranking went with what came after it.

    Parameters
    ----------
    ranking
        ``score``, or the name of a factor.
    target
        What it is compared with.
    horizon_hours
        How far ahead.
    hours
        Rankings whose returns are known.
    blocks
        Stretches of time that hardly share a return; the interval rests on them.
    coefficient
        Mean Spearman rank correlation across symbols; NaN without hours.
    low, high
        Its 95 % interval, by Student's t over the blocks; NaN where there are too few of them.
    shuffled
        The same of shuffled rankings; None where it was not asked for.
    """

    ranking: str
    target: Target
    horizon_hours: int
    hours: int
    blocks: int
    coefficient: float
    low: float
    high: float
    shuffled: Shuffled | None = None

    @property
    def claim(self) -> Claim:
        """What may be said: nothing of too few blocks, nor of what shuffled rankings do as well."""
        if self.blocks < LEAST_BLOCKS or not np.isfinite(self.low):
            return "too_few"
        if self.shuffled is not None and self.shuffled.low <= self.coefficient <= self.shuffled.high:
            return "none"
        return "useful" if self.low > 0.0 else "misleading" if self.high < 0.0 else "none"

    @property
    def sentence(self) -> str:
        """One sentence for audit rows and pages."""
        about = f"{self.ranking} against the {self.target} of {self.horizon_hours} hours"
        if self.claim == "too_few":
            return f"{about}: no claim, {self.blocks} of {LEAST_BLOCKS} stretches of time that it needs"
        words = {"useful": "useful", "misleading": "misleading", "none": "not told from chance"}
        interval = f"{self.coefficient:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"
        return f"{about}: rank correlation {interval} over {self.hours} hours, {words[self.claim]}"


class RankedHours(NamedTuple):
    """Rankings and what came after them.

    Parameters
    ----------
    scores
        Row for each hour, column for each symbol; NaN where a symbol was not ranked.
        ndarray of shape (n_hours, n_symbols), float64.
    returns
        Log returns from the first full hour after each ranking, over one horizon; NaN where they are not
        known. Same shape.
    hour_numbers
        Which hour each row is of, counted from any one; some may be missing. ndarray of shape (n_hours,),
        int64.
    """

    scores: FloatArray
    returns: FloatArray
    hour_numbers: IntArray


def forward_returns(log_prices: FloatArray, rows: Sequence[int], horizon_hours: int) -> FloatArray:
    """Measure returns that begin at the first full hour after each ranking.

    Parameters
    ----------
    log_prices
        At full hours without a gap in time, NaN where unknown. ndarray of shape (n_marks, n_symbols).
    rows
        Of each ranking, the row of the first full hour after it.
    horizon_hours
        How far ahead.

    Returns
    -------
    ndarray of shape (len(rows), n_symbols), float64
        ``result[i]`` uses the prices of ``rows[i]`` and ``rows[i] + horizon_hours`` only.
    """
    begin = np.asarray(rows, dtype=np.int64)
    padded = np.vstack([log_prices, np.full((horizon_hours, log_prices.shape[1]), np.nan)])
    returns: FloatArray = padded[begin + horizon_hours] - padded[begin]
    return returns


def rank_correlations(scores: FloatArray, outcomes: FloatArray) -> FloatArray:
    """Spearman's rank correlation across symbols, hour by hour.

    Returns
    -------
    ndarray of shape (n_hours,), float64
        Over the symbols of which both are known; NaN where these are fewer than five, or all alike.
    """
    known = np.isfinite(scores) & np.isfinite(outcomes)
    return _correlations(_ranks(np.where(known, scores, np.nan)), _ranks(np.where(known, outcomes, np.nan)))


def usefulness(ranking: str, target: Target, horizon_hours: int, panel: RankedHours) -> Usefulness:
    """Mean rank correlation of a ranking with its interval.

    Notes
    -----
    Neighboring hours share most of their returns. They are averaged over blocks of twice the horizon, at
    least a day, of which Student's t makes the interval (batch means), a little wider as neighboring blocks
    share returns.
    """
    coefficients = rank_correlations(panel.scores, _outcomes(panel, target))
    is_known = np.isfinite(coefficients)
    known, numbers = coefficients[is_known], panel.hour_numbers[is_known]
    span = max(_DAY_HOURS, 2 * horizon_hours)
    found, n_each = np.unique(numbers // span, return_counts=True)
    # A stretch of which less than half was ranked says less than the others, and would count as much.
    means = np.array(
        [known[numbers // span == one].mean() for one, n in zip(found, n_each, strict=True) if 2 * n >= span]
    )
    mean = float(known.mean()) if known.size else np.nan
    low, high = _interval(means, span / horizon_hours)
    return Usefulness(ranking, target, horizon_hours, int(known.size), int(means.size), mean, low, high)


def shuffled(panel: RankedHours, target: Target, generator: np.random.Generator) -> Shuffled | None:
    """Mean rank correlations of shuffled rankings; None where ours has none.

    Each shuffle gives every symbol the scores of another one, the same in all hours: it knows nothing, and
    is as persistent as ours.
    """
    first, second = _ranks(panel.scores), _ranks(_outcomes(panel, target))
    own = _mean(_correlations(first, second))
    if not np.isfinite(own):
        return None
    drawn = (generator.permutation(first.shape[1]) for _ in range(N_SHUFFLES))
    means = np.array([_mean(_correlations(first[:, order], second)) for order in drawn])
    means = means[np.isfinite(means)]
    if not means.size:
        return None
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    p_value = (1 + np.count_nonzero(np.abs(means) >= abs(own))) / (1 + means.size)
    return Shuffled(float(low), float(high), float(p_value))


class _Interval(NamedTuple):
    low: float
    high: float


def _interval(means: FloatArray, horizons_each: float) -> _Interval:
    """Interval of the mean of blocks, each of so many horizons; NaN where there are too few blocks.

    Returns of one horizon overlap linearly: autocovariance 1 - k/h up to h hours makes neighboring blocks
    correlate by 1 / (6 L/h - 2). That makes the mean more uncertain, and the blocks look less so.
    """
    from scipy import stats  # noqa: PLC0415 - the code server loads the table of factors, not this

    n = means.size
    if n < LEAST_BLOCKS:
        return _Interval(math.nan, math.nan)
    shared = 2.0 / (6.0 * horizons_each - 2.0)
    wider = math.sqrt((1.0 + shared * (n - 1) / n) / (1.0 - shared / n))
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    half = wider * quantile * means.std(ddof=1) / math.sqrt(n)
    return _Interval(float(means.mean() - half), float(means.mean() + half))


def _outcomes(panel: RankedHours, target: Target) -> FloatArray:
    return np.abs(panel.returns) if target == "size" else panel.returns


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks of the known values of each row, ties alike; NaN where unknown."""
    from scipy import stats  # noqa: PLC0415 - the code server loads the table of factors, not this

    ranks: FloatArray = stats.rankdata(values, axis=1, nan_policy="omit")
    return ranks


def _correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Pearson's correlation of each pair of rows, over what both know; NaN with fewer than five symbols."""
    known = np.isfinite(first) & np.isfinite(second)
    n_known = known.sum(axis=1, keepdims=True)
    x, y = (_centered(np.where(known, one, 0.0), known, np.maximum(n_known, 1)) for one in (first, second))
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    is_there = (n_known[:, 0] >= LEAST_SYMBOLS) & (scale > 0.0)
    result: FloatArray = np.divide(
        (x * y).sum(axis=1), scale, out=np.full(scale.shape, np.nan), where=is_there
    )
    return result


def _centered(values: FloatArray, known: BoolArray, n_known: IntArray) -> FloatArray:
    centered: FloatArray = np.where(known, values - values.sum(axis=1, keepdims=True) / n_known, 0.0)
    return centered
