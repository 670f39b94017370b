"""Charts as inline SVG that stretches with the page, with axes, units and keys as text beside it.

Only lines and areas stretch; strokes and letters keep their size, so a chart reads the same on a phone and
on paper.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.reports.axes import SIZE, Axis
from quant_pipelines.reports.page import escape

COLUMNS = 700
"""Columns of a line; each shows the first, lowest, highest and last of its points."""

_MOST_NARROW = 5  # ticks that fit on a phone; of more, every second one is left out there


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
        Whether the values under the pointer are told: only for lines over time.
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


def draw(chart: Chart, says: str = "") -> str:
    """HTML of a chart; ``says`` is what a screen reader tells besides the title."""
    keys = "".join(_key(layer) for layer in chart.layers if layer.name)
    svg = _grid(chart) + "".join(f'<g class="{layer.kind}">{layer.shapes}</g>' for layer in chart.layers)
    marks = "".join(_mark(mark, chart) for mark in chart.marks)
    name = f'<div class="xname">{escape(chart.x_name)}</div>' if chart.x_name else ""
    label = escape(f"{chart.title}. {says}".strip())
    return (
        f'<figure><figcaption><b>{escape(chart.title)}</b><span class="unit">{escape(chart.unit)}</span>'
        f'{keys}</figcaption><div class="chart" style="--h:{chart.height}px">'
        f'<div class="ys">{_y_texts(chart.y)}</div><div class="plot"{_hover(chart)}>'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" '
        f'role="img" aria-label="{label}">{svg}</svg>{marks}</div>'
        f'<div class="xs">{_x_texts(chart.x)}</div>{name}</div></figure>'
    )


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
    told = f' data-name="{escape(name)}"' if name else ""
    return Layer(f'<path class="line {sign}" d="{path}"{told}/>', name, kind, sign)


def area(x: Axis, y: Axis, xs: FloatArray | IntArray, values: FloatArray, *, kind: str = "c1") -> Layer:
    """Area between a line and 0; values must be known."""
    picked = thinned(values)
    left, top = x.place(xs[picked].astype(np.float64)), SIZE - y.place(values[picked])
    zero = float(SIZE - y.place(np.array([0.0]))[0])
    path = f"M{left[0]:.1f} {zero:.1f}{path_of(left, top).replace('M', 'L')}L{left[-1]:.1f} {zero:.1f}Z"
    return Layer(f'<path class="area" d="{path}"/>', "", kind)


def dots(x: Axis, y: Axis, xs: FloatArray, values: FloatArray, *, name: str = "", kind: str = "c1") -> Layer:
    """Round points."""
    places = zip(x.place(xs), SIZE - y.place(values), strict=True)
    path = "".join(f"M{left:.1f} {top:.1f}h0" for left, top in places)
    return Layer(f'<path class="dots" d="{path}"/>', name, kind, "dot")


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


def _grid(chart: Chart) -> str:
    tops = SIZE - chart.y.place(np.array([value for value, _ in chart.y.ticks]))
    return f'<path class="grid" d="{"".join(f"M0 {top:.1f}H1000" for top in tops)}"/>'


def _y_texts(axis: Axis) -> str:
    tops = 100.0 - axis.place(np.array([value for value, _ in axis.ticks])) / 10.0
    return "".join(
        f'<span style="top:{top:.2f}%">{escape(text)}</span>'
        for top, (_, text) in zip(tops, axis.ticks, strict=True)
    )


def _x_texts(axis: Axis) -> str:
    places = axis.place(np.array([value for value, _ in axis.ticks])) / 10.0
    texts = []
    for at, (place, (_, text)) in enumerate(zip(places.tolist(), axis.ticks, strict=True)):
        is_odd = at % 2 and places.size > _MOST_NARROW
        kind = f"{'first' if place < 4 else 'last' if place > 96 else ''}{' odd' if is_odd else ''}".strip()
        texts.append(f'<span class="{kind}" style="left:{place:.2f}%">{escape(text)}</span>')
    return "".join(texts)


def _key(layer: Layer) -> str:
    return f'<span class="key {layer.kind}"><i class="{layer.sign}"></i><em>{escape(layer.name)}</em></span>'


def _mark(mark: Mark, chart: Chart) -> str:
    left = float(chart.x.place(np.array([mark.place[0]]))[0]) / 10.0
    top = 100.0 - float(chart.y.place(np.array([mark.place[1]]))[0]) / 10.0
    return (
        f'<span class="mark {mark.kind}" style="left:{left:.2f}%;top:{top:.2f}%" title="{escape(mark.hint)}">'
        f"{escape(mark.sign)}</span>"
    )


def _hover(chart: Chart) -> str:
    if not chart.hover:
        return ""
    log = ' data-log="1"' if chart.y.is_log else ""
    return (
        f' data-x0="{chart.x.low:.0f}" data-x1="{chart.x.high:.0f}" data-y0="{chart.y.low!r}" '
        f'data-y1="{chart.y.high!r}" data-unit="{escape(chart.hover)}"{log}'
    )
