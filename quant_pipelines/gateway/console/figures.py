"""Charts of the console: the layers and axes of the reports, in a frame that needs no style of its own.

The console's policy lets no page carry inline styles, so places stand in attributes of the SVG.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.reports.axes import SIZE, Axis, number_axis, time_axis
from quant_pipelines.reports.charts import Chart, line
from quant_pipelines.reports.numbers import money
from quant_pipelines.reports.page import escape

_WIDTH = 1000
_BOTTOM = 26
"""Pixels below the lines for the texts of the axis; those of the other stand on its lines."""
_FEW = 3


def framed(chart: Chart, says: str = "") -> Markup:
    """Figure of a chart, with axes, keys and what a screen reader tells of it."""
    keys = "".join(
        f'<span class="key {layer.kind}"><i class="{layer.sign}"></i>{escape(layer.name)}</span>'
        for layer in chart.layers
        if layer.name
    )
    shapes = "".join(f'<g class="{layer.kind}">{layer.shapes}</g>' for layer in chart.layers)
    height = chart.height - _BOTTOM
    return Markup(  # noqa: S704 - each text in it is escaped
        f"<figure><figcaption><b>{escape(chart.title)}</b>"
        f'<span class="unit">{escape(chart.unit)}</span>{keys}</figcaption>'
        f'<svg class="frame" width="100%" height="{chart.height}" role="img" '
        f'aria-label="{escape(f"{chart.title}. {says}".strip())}">'
        f'<svg width="100%" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {_WIDTH}" preserveAspectRatio="none">{_grid(chart.y)}{shapes}</svg>'
        f"{_y_texts(chart.y, height)}{_x_texts(chart.x, chart.height)}</svg></figure>"
    )


def equity_chart(title: str, times_ms: Sequence[int], values: Sequence[float], unit: str = "quote") -> Markup:
    """Figure of an equity over time; nothing where there are fewer than two points."""
    if len(values) < 2:
        return Markup("")
    ts, shown = np.asarray(times_ms, dtype=np.int64), np.asarray(values, dtype=np.float64)
    x, y = time_axis(int(ts[0]), int(ts[-1]), 4), number_axis(shown, money, count=4)
    says = f"From {money(float(shown[0]))} to {money(float(shown[-1]))}."
    return framed(Chart(title, unit, x, y, [line(x, y, ts, shown)], height=220), says)


def sparkline(values: Sequence[float]) -> Markup:
    """Small line without axes; nothing where there are fewer than two points."""
    if len(values) < 2:
        return Markup("")
    shown = np.asarray(values, dtype=np.float64)
    at = np.arange(shown.size, dtype=np.float64)
    drawn = line(Axis(0.0, float(at[-1]), ()), number_axis(shown), at, shown)
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="spark c1" viewBox="0 0 {_WIDTH} {_WIDTH}" preserveAspectRatio="none" '
        f'aria-hidden="true">{drawn.shapes}</svg>'
    )


def drawdown_of(values: FloatArray) -> float:
    """Fraction by which the last value lies below the highest."""
    return float(1.0 - values[-1] / values.max()) if values.size and values.max() > 0 else 0.0


def _grid(axis: Axis) -> str:
    tops = SIZE - axis.place(np.array([value for value, _ in axis.ticks]))
    return f'<path class="grid" d="{"".join(f"M0 {top:.1f}H1000" for top in tops)}"/>'


def _y_texts(axis: Axis, height: int) -> str:
    tops = (1.0 - axis.place(np.array([value for value, _ in axis.ticks])) / SIZE) * height
    return "".join(
        f'<text class="tick" x="2" y="{top - 3 if top > 14 else top + 12:.0f}">{escape(text)}</text>'
        for top, (_, text) in zip(tops.tolist(), axis.ticks, strict=True)
    )


def _x_texts(axis: Axis, height: int) -> str:
    places = axis.place(np.array([value for value, _ in axis.ticks])) / SIZE * 100
    texts = []
    for at, (place, (_, text)) in enumerate(zip(places.tolist(), axis.ticks, strict=True)):
        anchor = "start" if place < 8 else "end" if place > 92 else "middle"
        kind = "tick odd" if at % 2 and places.size > _FEW else "tick"
        texts.append(
            f'<text class="{kind}" x="{place:.2f}%" y="{height - 6}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )
    return "".join(texts)
