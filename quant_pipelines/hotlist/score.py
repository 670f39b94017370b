"""S = w1·VolJump + w2·Turnover + w3·OIΔ + w4·FundingZ + w5·RegimeShift, and whatever else has a weight.

Each factor enters as its robust z across symbols, winsorized, with the sign of its direction.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.hotlist.factors import FACTORS, NAMES

_MAD_TO_DEVIATION = 1.4826
_MIN_SYMBOLS = 3


@dataclass(frozen=True, slots=True)
class FactorScore:
    """One term of the sum.

    Parameters
    ----------
    raw
        Raw factor; NaN where it is missing.
    z
        Robust z across symbols, winsorized, above 0 where it is hotter; 0 where the factor is missing.
    weight
        Weight after the weights of missing factors were shared out.
    contribution
        ``weight · z``.
    """

    raw: float
    z: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class HotScore:
    """Score of one symbol, explained.

    Parameters
    ----------
    symbol
        ccxt form.
    score
        Sum of the contributions.
    rank
        1 for the hottest.
    factors
        Factor name to its term.
    flags
        Remarks, such as missing factors.
    """

    symbol: str
    score: float
    rank: int
    factors: dict[str, FactorScore]
    flags: tuple[str, ...]


def robust_z(values: FloatArray, limit: float) -> FloatArray:
    """Deviation from the median in robust standard deviations, cut at ``±limit``.

    Parameters
    ----------
    values
        ndarray of shape (n_symbols,), float64; NaN is missing.
    limit
        Largest absolute z.

    Returns
    -------
    ndarray of shape (n_symbols,), float64
        NaN where the value is missing, everywhere if fewer than three are known. The scale is 1.4826 times
        the median absolute deviation; where that is 0 (most values equal), the standard deviation.
    """
    known = values[np.isfinite(values)]
    if known.size < _MIN_SYMBOLS:
        return np.full(values.shape, np.nan)
    center = float(np.median(known))
    scale = _MAD_TO_DEVIATION * float(np.median(np.abs(known - center))) or float(known.std())
    if scale == 0.0:
        return np.where(np.isfinite(values), 0.0, np.nan)
    with np.errstate(over="ignore"):  # by a scale of nearly nothing: beyond every limit
        return np.clip((values - center) / scale, -limit, limit)


def score_symbols(
    raw: Mapping[str, Mapping[str, float]], weights: Mapping[str, float], winsor_z: float
) -> list[HotScore]:
    """Score and rank symbols, best first.

    Parameters
    ----------
    raw
        Symbol to its raw factors, as `raw_factors` yields them.
    weights
        Weight of every factor of the table, by name; at least 0.
    winsor_z
        Robust z scores are cut at this many deviations.

    Returns
    -------
    list[HotScore]
        A missing factor counts nothing; its weight goes to the symbol's other factors in proportion, and the
        symbol is flagged. Equal scores are ordered by symbol.
    """
    symbols = sorted(raw)
    z = {
        factor.name: factor.direction
        * robust_z(np.array([raw[symbol][factor.name] for symbol in symbols]), winsor_z)
        for factor in FACTORS
    }
    unranked = []
    for position, symbol in enumerate(symbols):
        own = {name: float(z[name][position]) for name in NAMES}
        terms = _terms(raw[symbol], own, weights)
        score = math.fsum(term.contribution for term in terms.values())
        missing = (name for name in NAMES if weights[name] > 0.0 and not math.isfinite(own[name]))
        flags = tuple(f"missing {name}" for name in missing)
        unranked.append(HotScore(symbol, score, 0, terms, flags))
    ordered = sorted(unranked, key=lambda one: (-one.score, one.symbol))
    return [
        HotScore(one.symbol, one.score, rank, one.factors, one.flags) for rank, one in enumerate(ordered, 1)
    ]


def _terms(
    raw: Mapping[str, float], z: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, FactorScore]:
    present = [name for name in NAMES if math.isfinite(z[name])]
    total, available = sum(weights.values()), sum(weights[name] for name in present)
    terms = {}
    for name in NAMES:
        share = weights[name] * total / available if name in present and available else 0.0
        own = z[name] if name in present else 0.0
        terms[name] = FactorScore(raw[name], own, share, share * own)
    return terms
