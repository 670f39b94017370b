"""How fast what is measured over hours grows, and whether that is more than noise."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

_LEAST_LOOKS = 8


class Slope(NamedTuple):
    """Growth an hour of one series: Theil and Sen's median of slopes, with a 95 % interval."""

    name: str
    growth: float
    low: float
    high: float


def slope_of(name: str, hours: Sequence[float], values: Sequence[float]) -> Slope:
    """Slope of a series, which a single jump does not move.

    Raises
    ------
    ValueError
        If there are too few looks to tell.
    """
    if len(values) < _LEAST_LOOKS:
        raise ValueError(f"{name} was looked at {len(values)} times; expected {_LEAST_LOOKS} or more")
    found = stats.theilslopes(np.asarray(values), np.asarray(hours))
    return Slope(name, float(found[0]), float(found[2]), float(found[3]))


def too_steep(slopes: Sequence[Slope], bounds: Mapping[str, float], bound: float) -> list[Slope]:
    """Slopes that are above their bound even at the lower end of their interval.

    Parameters
    ----------
    slopes
        Of all series.
    bounds, bound
        Growth an hour that is allowed, by name, and of all others.
    """
    return [one for one in slopes if one.low > bounds.get(one.name, bound)]
