"""Redenominations and splits: by which factor a symbol's price was multiplied, and history in today's scale.

One function for everything that is read of history: what lies before a change is multiplied (prices) or
divided (quantities) by its factor, so that a series has one scale, the newest, as the exchange has it now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import PRICE_COLUMNS, BarRows, Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries

PRICE_SCALE: Final = "price_scale"
"""Name of the check that finds changes of a price's scale which nobody has recorded."""

AnyBars = TypeVar("AnyBars", Bars, BarRows)


class PriceFactor(NamedTuple):
    """A change of a price's scale.

    Parameters
    ----------
    from_ms
        Open time of the first bar of the new scale, milliseconds UTC.
    factor
        New price by old one: 1000 where 1000 old coins became one, 0.1 where each became ten.
    """

    from_ms: int
    factor: float


def require_factors(factors: Iterable[PriceFactor]) -> tuple[PriceFactor, ...]:
    """Prove the factors of one symbol, and return them oldest first.

    Raises
    ------
    ConfigurationError
        If a factor is not above 0, is 1 or no number, or two have the same time.
    """
    ordered = tuple(sorted(factors))
    for one in ordered:
        if not (0 < one.factor < np.inf) or one.factor == 1:
            raise ConfigurationError(f"factor is {one.factor}; expected a number above 0 that is not 1")
    if len({one.from_ms for one in ordered}) < len(ordered):
        raise ConfigurationError(f"factors are {list(ordered)}; expected one at a time")
    return ordered


def scale_at(ts: IntArray, factors: Sequence[PriceFactor]) -> FloatArray:
    """By how much a price of each time is multiplied to be in the newest scale.

    Parameters
    ----------
    ts
        Milliseconds UTC. ndarray of shape (n,), int64.
    factors
        Of one symbol.

    Returns
    -------
    ndarray of shape (n,), float64

    Examples
    --------
    >>> scale_at(np.array([0, 10]), [PriceFactor(10, 1000.0)]).tolist()
    [1000.0, 1.0]
    """
    scale = np.ones(ts.size)
    for one in factors:
        scale[ts < one.from_ms] *= one.factor
    return scale


def adjusted(bars: AnyBars, factors: Sequence[PriceFactor]) -> AnyBars:
    """Bars in the newest scale; without a factor after their start they are the same object.

    Examples
    --------
    >>> bars = Bars.of_closes([1.0, 2.0])
    >>> adjusted(bars, [PriceFactor(int(bars.ts[1]), 10.0)]).close.tolist()
    [10.0, 2.0]
    """
    if not _touches(bars.ts, factors):
        return bars
    scale = scale_at(bars.ts, factors)
    prices = {name: getattr(bars, name) * scale for name in PRICE_COLUMNS}
    return replace(bars, **prices, volume=bars.volume / scale)


_WITHOUT_SCALE = ("funding_rate", "turbulence", "trend")


def adjusted_points(points: KnownPoints, name: str, factors: Sequence[PriceFactor]) -> KnownPoints:
    """Values of an input in the newest scale: prices are multiplied, open interest is divided."""
    if name in _WITHOUT_SCALE or not _touches(points.ts, factors):
        return points
    scale = scale_at(points.ts, factors)
    values = points.values / scale if name == "open_interest" else points.values * scale
    return KnownPoints(points.ts, points.known_at, values)


def adjusted_funding(funding: FundingSeries, factors: Sequence[PriceFactor]) -> FundingSeries:
    """Payments with their mark prices in the newest scale; rates have none."""
    if not _touches(funding.ts, factors):
        return funding
    return replace(funding, mark_price=funding.mark_price * scale_at(funding.ts, factors))


def adjusted_depth(depth: DepthSeries, factors: Sequence[PriceFactor]) -> DepthSeries:
    """Order books with their quantities in the newest scale; distances from the middle have none."""
    if not _touches(depth.known_ms, factors):
        return depth
    ladders = depth.ladders.copy()
    ladders[..., 1] /= scale_at(depth.known_ms, factors)[:, None, None]
    return replace(depth, ladders=ladders)


def adjusted_mark(mark: MarkSeries, factors: Sequence[PriceFactor]) -> MarkSeries:
    """Mark prices in the newest scale."""
    if not _touches(mark.ts, factors):
        return mark
    scale = scale_at(mark.ts, factors)
    return replace(mark, **{name: getattr(mark, name) * scale for name in ("open", "high", "low")})


def _touches(ts: IntArray, factors: Sequence[PriceFactor]) -> bool:
    return bool(ts.size) and any(ts[0] < one.from_ms for one in factors)
