"""The frame of a chart: axes, keys and marks as text beside the layers, without a style of its own.

Only lines and areas stretch; strokes and letters keep their size, so a chart reads the same on a phone and
on paper. Places stand in attributes, so that a page whose policy allows no inline style can show it.
"""

import numpy as np

from quant_pipelines.reports.axes import SIZE, Axis
from quant_pipelines.reports.charts import Chart, Layer, Mark
from quant_pipelines.reports.page import escape

_X_HEIGHT, _MOST_NARROW = 24, 3
"""Pixels of the texts below, and how many fit on a phone: of more, every second one is left out there."""


def draw(chart: Chart, says: str = "") -> str:
    """HTML of a chart; ``says`` is what a screen reader tells besides the title."""
    keys = "".join(_key(layer) for layer in chart.layers if layer.name)
    shapes = "".join(f'<g class="{layer.kind}">{layer.shapes}</g>' for layer in chart.layers)
    name = f'<div class="xname">{escape(chart.x_name)}</div>' if chart.x_name else ""
    label = escape(f"{chart.title}. {says}".strip())
    return (
        f'<figure><figcaption><b>{escape(chart.title)}</b><span class="unit">{escape(chart.unit)}</span>'
        f'{keys}</figcaption><div class="chart">'
        f'<svg class="ys" height="{chart.height}" aria-hidden="true">{_y_texts(chart.y)}</svg>'
        f'<div class="plot"{_hover(chart)}>'
        f'<svg class="lines" width="100%" height="{chart.height}" viewBox="0 0 1000 1000" '
        f'preserveAspectRatio="none" role="img" aria-label="{label}">{_grid(chart.y)}{shapes}</svg>'
        f"{_marks(chart)}</div>"
        f'<svg class="xs" width="100%" height="{_X_HEIGHT}" aria-hidden="true">{_x_texts(chart.x)}</svg>'
        f"{name}</div></figure>"
    )


def _grid(axis: Axis) -> str:
    tops = SIZE - axis.place(np.array([value for value, _ in axis.ticks]))
    return f'<path class="grid" d="{"".join(f"M0 {top:.1f}H1000" for top in tops)}"/>'


def _y_texts(axis: Axis) -> str:
    tops = 100.0 - axis.place(np.array([value for value, _ in axis.ticks])) / 10.0
    return "".join(
        f'<text class="tick" x="100%" y="{top:.2f}%" text-anchor="end">{escape(text)}</text>'
        for top, (_, text) in zip(tops.tolist(), axis.ticks, strict=True)
    )


def _x_texts(axis: Axis) -> str:
    places = axis.place(np.array([value for value, _ in axis.ticks])) / 10.0
    texts = []
    for at, (place, (_, text)) in enumerate(zip(places.tolist(), axis.ticks, strict=True)):
        kind = "tick odd" if at % 2 and places.size > _MOST_NARROW else "tick"
        anchor = "start" if place < 4 else "end" if place > 96 else "middle"
        texts.append(
            f'<text class="{kind}" x="{place:.2f}%" y="15" text-anchor="{anchor}">{escape(text)}</text>'
        )
    return "".join(texts)


def _key(layer: Layer) -> str:
    return f'<span class="key {layer.kind}"><i class="{layer.sign}"></i><em>{escape(layer.name)}</em></span>'


def _marks(chart: Chart) -> str:
    if not chart.marks:
        return ""
    texts = "".join(_mark(mark, chart) for mark in chart.marks)
    return f'<svg class="marks" width="100%" height="{chart.height}" aria-hidden="true">{texts}</svg>'


def _mark(mark: Mark, chart: Chart) -> str:
    left = float(chart.x.place(np.array([mark.place[0]]))[0]) / 10.0
    top = 100.0 - float(chart.y.place(np.array([mark.place[1]]))[0]) / 10.0
    return (
        f'<text class="mark {mark.kind}" x="{left:.2f}%" y="{top:.2f}%" text-anchor="middle" '
        f'data-x="{mark.place[0]:.0f}" data-y="{mark.place[1]!r}">'
        f"<title>{escape(mark.hint)}</title>{escape(mark.sign)}</text>"
    )


def _hover(chart: Chart) -> str:
    if not chart.hover:
        return ""
    log = ' data-log="1"' if chart.y.is_log else ""
    return (
        f' data-x0="{chart.x.low!r}" data-x1="{chart.x.high!r}" data-y0="{chart.y.low!r}" '
        f'data-y1="{chart.y.high!r}" data-form="{escape(chart.hover)}" '
        f'data-xform="{escape(chart.x_hover)}"{log}'
    )
