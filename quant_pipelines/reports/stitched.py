"""Equity and drawdown out of sample beside what they are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.metrics import compounded, underwater
from quant_pipelines.reports.axes import Axis, number_axis, time_axis
from quant_pipelines.reports.charts import Chart, Layer, area, level, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import percent

_OTHER_STYLES = (("hold", "dash"), ("c2", "dotted"))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Daily returns of something that the walk-forward is compared with.

    Parameters
    ----------
    name
        As the key says it.
    days
        Starts of the UTC days, milliseconds; shape (n_days,).
    returns
        Fractions, shape (n_days,).
    """

    name: str
    days: IntArray
    returns: FloatArray


class StitchedCharts(NamedTuple):
    """HTML of the equity and of the distance from its peak."""

    equity: str
    drawdown: str


def stitched_charts(curves: Sequence[Curve], edges_ms: Sequence[int]) -> StitchedCharts:
    """Draw the last curve, and the others beside it.

    Parameters
    ----------
    curves
        At most three; the last one must have days.
    edges_ms
        Starts of the folds after the first, milliseconds.
    """
    own = curves[-1]
    x = time_axis(int(own.days[0]), int(own.days[-1]) + DAY_MS)
    y = number_axis(np.concatenate([compounded(curve.returns) for curve in curves]))
    depth, times = underwater(compounded(own.returns)), _ends(own)
    below = number_axis(depth, lambda value: percent(value, 0), has_zero=True)
    drawdown = [area(x, below, times, depth), line(x, below, times, depth, name=own.name)]
    equity = [_fold_edges(edges_ms, x), level(y, 1.0), *_curves(curves, x, y)]
    return StitchedCharts(
        draw(Chart("Equity at day ends", "starts at 1", x, y, equity, height=300, hover="1")),
        draw(Chart("Distance from the peak", "of the peak", x, below, drawdown, height=160, hover="%")),
    )


def _curves(curves: Sequence[Curve], x: Axis, y: Axis) -> list[Layer]:
    styles = [*_OTHER_STYLES[: len(curves) - 1], ("c1", "")]
    return [
        line(x, y, _ends(curve), compounded(curve.returns), name=curve.name, kind=kind, sign=sign)
        for curve, (kind, sign) in zip(curves, styles, strict=True)
    ]


def _ends(curve: Curve) -> IntArray:
    """Return the times of the compounded equity: the first day's start, then the end of each day."""
    return np.concatenate([curve.days[:1], curve.days + DAY_MS])


def _fold_edges(edges_ms: Sequence[int], x: Axis) -> Layer:
    places = x.place(np.array(edges_ms, dtype=np.float64)).tolist()
    path = "".join(f"M{place:.1f} 0V1000" for place in places if 0.0 <= place <= 1000.0)
    return Layer(f'<path class="grid" d="{path}"/>')
