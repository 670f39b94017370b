"""Metadata that a person wants to read: Markdown tables and small plots."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import dagster as dg

_WIDTH, _HEIGHT, _MARGIN, _TOP = 720, 220, 8, 24
_LEGEND, _LEGEND_COLUMNS = 18, 3
_COLORS = ("#2f6fde", "#d9534f", "#3a9d5d", "#b07d1a", "#7b4fb5", "#2aa5a5", "#8a8a8a", "#c74f93")
_MAX_POINTS = 400
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_POINTS = 300, 48, 60


def table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> dg.MarkdownMetadataValue:
    """Markdown table; the first row names the columns if none are given."""
    listed = list(rows)
    if not listed:
        return dg.MetadataValue.md("nothing")
    names = list(columns or listed[0])
    lines = [names, ["---"] * len(names), *([_cell(row.get(name)) for name in names] for row in listed)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def plot(lines: Mapping[str, Sequence[float]], title: str) -> dg.MarkdownMetadataValue:
    """Line plot as an image in Markdown; each line is drawn over its own index, all on one scale.

    Parameters
    ----------
    lines
        Name to its values; long lines are thinned.
    title
        Text above the plot.
    """
    drawn = {name: values for name, values in lines.items() if len(values) > 1}
    if not drawn:
        return dg.MetadataValue.md("nothing to plot yet")
    return _image(_svg(drawn, title), title)


def spark(values: Sequence[float], title: str) -> dg.MarkdownMetadataValue:
    """Draw one line, without a scale, small enough that the page shows it at once."""
    if len(values) < 2:
        return dg.MetadataValue.md("nothing to plot yet")
    drawn = [values[at * (len(values) - 1) // _SPARK_POINTS] for at in range(_SPARK_POINTS + 1)]
    low, span = min(drawn), (max(drawn) - min(drawn)) or 1.0
    heights = [round(_SPARK_HEIGHT * (1 - (value - low) / span)) + 1 for value in drawn]
    steps = (f"l{_SPARK_WIDTH // _SPARK_POINTS} {after - before}" for before, after in pairwise(heights))
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SPARK_WIDTH}" height="{_SPARK_HEIGHT + 2}">'
        f'<path fill="none" stroke="{_COLORS[0]}" d="M0 {heights[0]}{"".join(steps)}"/></svg>'
    )
    return _image(image, title)


def _image(svg: str, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(
        f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - a dash is what a table shows for nothing
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("|", "\\|").replace("\n", " ")


def _svg(lines: Mapping[str, Sequence[float]], title: str) -> str:
    low = min(min(values) for values in lines.values())
    high = max(max(values) for values in lines.values())
    height = _TOP + _HEIGHT + _LEGEND * (2 + (len(lines) - 1) // _LEGEND_COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"',
        ' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_MARGIN}" y="16">{_escape(title)} ({low:,.4g} to {high:,.4g})</text>',
    ]
    for position, (name, values) in enumerate(lines.items()):
        color = _COLORS[position % len(_COLORS)]
        row, column = divmod(position, _LEGEND_COLUMNS)
        x = _MARGIN + column * (_WIDTH // _LEGEND_COLUMNS)
        y = _TOP + _HEIGHT + _LEGEND * (row + 1)
        parts.append(f'<path fill="none" stroke="{color}" d="{_path(values, low, high)}"/>')
        parts.append(f'<text x="{x}" y="{y}" fill="{color}">{_escape(name)}</text>')
    return "".join(parts) + "</svg>"


def _path(values: Sequence[float], low: float, high: float) -> str:
    step = max(1, len(values) // _MAX_POINTS)
    thinned = [*values[::step], values[-1]]
    span = (high - low) or 1.0
    points = [
        f"{_MARGIN + (_WIDTH - 2 * _MARGIN) * at / (len(thinned) - 1):.1f} "
        f"{_TOP + _HEIGHT * (high - value) / span:.1f}"
        for at, value in enumerate(thinned)
    ]
    return "M" + "L".join(points)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
