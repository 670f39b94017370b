"""What charts are made of: layers of SVG that stretch with the page, and the values behind them.

Each layer says its values exactly, beside the places that are drawn: ``chart.js`` shows them under the
pointer and looks closer. A library was measured instead: Plotly 7.1 is 4.8 MB of script in each report that
needs nothing else, and its styles are refused by the console's policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.reports.axes import SIZE, Axis
from quant_pipelines.reports.page import escape

COLUMNS = 700
"""Columns of a line; each shows the first, lowest, highest and last of its points."""


@dataclass(frozen=True, slots=True)
class Layer:
    """SVG of one thing that is drawn, and its key.

    Parameters
    ----------
    shapes
        SVG elements in coordinates of 0 to 1000.
    name
        As the key says it; empty has no key.
    kind
        Classes that color it, such as ``c1`` or ``hold``.
    sign
        How the key draws it: empty for a line, ``dash``, ``dot`` or ``box``.
    """

    shapes: str
    name: str = ""
    kind: str = "c1"
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Sign at a place of a chart, with what it says; ``place`` is (x, y) in values."""

    place: tuple[float, float]
    sign: str
    kind: str
    hint: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart is made of.

    Parameters
    ----------
    title, unit
        Above the chart; the unit is that of the upright axis.
    x, y
        Axes.
    layers
        Drawn in order.
    x_name
        Below the chart; empty for times.
    height
        Pixels.
    marks
        Signs on top.
    hover
        How values under the pointer are told: as ``%`` or plain numbers; without it the chart is a picture.
    x_hover
        The same of the level axis; ``time`` for milliseconds, UTC.
    """

    title: str
    unit: str
    x: Axis
    y: Axis
    layers: Sequence[Layer]
    x_name: str = ""
    height: int = 260
    marks: Sequence[Mark] = field(default=())
    hover: str = ""
    x_hover: str = "time"


def line(  # noqa: PLR0913 - all but the data has a default
    x: Axis,
    y: Axis,
    xs: FloatArray | IntArray,
    values: FloatArray,
    *,
    name: str = "",
    kind: str = "c1",
    sign: str = "",
) -> Layer:
    """Line through points, thinned to what can be seen; NaN leaves a gap."""
    picked = thinned(values)
    path = path_of(x.place(xs[picked].astype(np.float64)), SIZE - y.place(values[picked]))
    told = _told(xs[picked], values[picked], name)
    return Layer(f'<path class="line {sign}" d="{path}"{told}/>', name, kind, sign)


def area(x: Axis, y: Axis, xs: FloatArray | IntArray, values: FloatArray, *, kind: str = "c1") -> Layer:
    """Area between a line and 0; values must be known."""
    picked = thinned(values)
    left, top = x.place(xs[picked].astype(np.float64)), SIZE - y.place(values[picked])
    zero = float(SIZE - y.place(np.array([0.0]))[0])
    path = f"M{left[0]:.1f} {zero:.1f}{path_of(left, top).replace('M', 'L')}L{left[-1]:.1f} {zero:.1f}Z"
    return Layer(f'<path class="area" d="{path}"/>', "", kind)


def dots(  # noqa: PLR0913 - all but the data has a default
    x: Axis,
    y: Axis,
    xs: FloatArray,
    values: FloatArray,
    *,
    name: str = "",
    kind: str = "c1",
    hints: Sequence[str] = (),
) -> Layer:
    """Round points; what each one is, if that is told, is shown under the pointer."""
    places = zip(x.place(xs), SIZE - y.place(values), strict=True)
    path = "".join(f"M{left:.1f} {top:.1f}h0" for left, top in places)
    said = f' data-hints="{escape(chr(10).join(hints))}"' if hints else ""
    told = f"{_told(xs.astype(np.float64), values, name)}{said}" if hints and xs.size else ""
    return Layer(f'<path class="dots" d="{path}"{told}/>', name, kind, "dot")


def bars(x: Axis, y: Axis, edges: FloatArray, heights: FloatArray, kinds: Iterable[str]) -> Layer:
    """Bars from 0 over the intervals between edges; shapes (n + 1,) and (n,)."""
    left, top = x.place(edges), SIZE - y.place(heights)
    zero = float(SIZE - y.place(np.array([0.0]))[0])
    shapes = "".join(
        f'<rect class="bar {kind}" x="{left[i]:.1f}" y="{min(top[i], zero):.1f}" '
        f'width="{left[i + 1] - left[i]:.1f}" height="{abs(zero - top[i]):.1f}"/>'
        for i, kind in enumerate(kinds)
        if heights[i]
    )
    return Layer(shapes)


def level(y: Axis, value: float) -> Layer:
    """Line across the chart at a value, such as 0."""
    at = float(SIZE - y.place(np.array([value]))[0])
    return Layer(f'<path class="zero" d="M0 {at:.1f}H1000"/>')


def thinned(values: FloatArray) -> IntArray:
    """Positions that show the same line: first, lowest, highest and last point of each column."""
    if values.size <= 4 * COLUMNS:
        return np.arange(values.size)
    edges = np.linspace(0, values.size, COLUMNS + 1).astype(np.int64)
    kept: set[int] = set()
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        kept |= {start, end - 1}
        if not np.isnan(part).all():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
    return np.array(sorted(kept), dtype=np.int64)


def path_of(left: FloatArray, top: FloatArray) -> str:
    """SVG path through places; NaN lifts the pen."""
    parts, is_down = [], False
    for x, y in zip(left.tolist(), top.tolist(), strict=True):
        if y != y:  # noqa: PLR0124 - NaN
            is_down = False
            continue
        parts.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return "".join(parts)


def told_times(times: FloatArray | IntArray) -> str:
    """Places along an axis for the script: the first, a step, and the gaps in steps where they differ."""
    if times.dtype.kind != "i" or times.size < 2:
        return " ".join(f"{value:.10g}" for value in times.tolist())
    gaps = np.diff(times)
    step = int(np.gcd.reduce(gaps)) or 1
    told = [int(times[0]), step]
    return " ".join(map(str, told if (gaps == step).all() else told + (gaps // step).tolist()))


def told_values(values: FloatArray) -> str:
    """Values for the script: what is read under the pointer."""
    return " ".join(f"{value:.10g}" for value in values.tolist())


def _told(xs: FloatArray | IntArray, values: FloatArray, name: str) -> str:
    if not name:
        return ""
    key = "x" if xs.dtype.kind == "i" and xs.size > 1 else "at"
    return f' data-name="{escape(name)}" data-{key}="{told_times(xs)}" data-v="{told_values(values)}"'
