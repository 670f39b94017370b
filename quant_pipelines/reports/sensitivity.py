"""How the objective depends on two parameters at a time, from the sets that were tried."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.reports.numbers import plain, words
from quant_pipelines.reports.page import escape, paragraph, section, shade, side_by_side
from quant_pipelines.reports.tried import TriedSet

_CELLS = 8
_FEWEST = 12
_MOST_MAPS = 4


def sensitivity_section(tried: Sequence[TriedSet], chosen: Mapping[str, Any]) -> str:
    """Heat maps of what the newest fold tried; nothing where too few sets are known."""
    trials = [trial for trial in tried if np.isfinite(trial.objective)]
    names = _varied(trials)
    pairs = list(combinations(names, 2))[:_MOST_MAPS]
    if len(trials) < _FEWEST or not pairs:
        return ""
    note = (
        f"Mean objective of the {len(trials)} sets that the newest fold tried, where they fell; an empty "
        "cell was never tried. A search looks where it did well, so the cells are not an even sample. The "
        "framed cell holds the chosen set: good neighbors speak for it, a lonely peak does not."
    )
    maps = [_heat_map(trials, down, across, chosen) for down, across in pairs]
    return section("Sensitivity", paragraph(note, "soft"), side_by_side(*maps))


def _varied(trials: Sequence[TriedSet]) -> list[str]:
    """Numeric parameters that take more than one value."""
    if not trials:
        return []
    return [
        name
        for name, value in trials[0].parameters.items()
        if not isinstance(value, bool | str) and len({trial.parameters[name] for trial in trials}) > 1
    ]


def _heat_map(trials: Sequence[TriedSet], down: str, across: str, chosen: Mapping[str, Any]) -> str:
    rows, row_of = _cells(trials, down)
    columns, column_of = _cells(trials, across)
    values = np.array([trial.objective for trial in trials])
    own = [
        int(_place(edges, chosen[name])) if name in chosen else -1
        for edges, name in ((rows, down), (columns, across))
    ]
    scale = float(np.max(np.abs(values))) or 1.0
    head = "".join(f"<th>{escape(_range(columns, at))}</th>" for at in range(columns.size - 1))
    lines = []
    for at in reversed(range(rows.size - 1)):
        cells = "".join(
            _cell(values[(row_of == at) & (column_of == to)], scale, is_chosen=[at, to] == own)
            for to in range(columns.size - 1)
        )
        lines.append(f'<tr><th class="t">{escape(_range(rows, at))}</th>{cells}</tr>')
    title = f"{words(down)} (down), {words(across)} (across)"
    return (
        f"<figure><figcaption><b>{escape(title)}</b></figcaption>"
        f'<div class="wide" tabindex="0"><table class="map"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
        "</div></figure>"
    )


def _cells(trials: Sequence[TriedSet], name: str) -> tuple[FloatArray, IntArray]:
    """Edges of the cells of a parameter, and the cell of each trial."""
    values = np.array([float(trial.parameters[name]) for trial in trials])
    edges = np.linspace(values.min(), values.max(), _CELLS + 1)
    return edges, _place(edges, values)


def _place(edges: FloatArray, values: Any) -> IntArray:
    found = np.searchsorted(edges, np.asarray(values, dtype=np.float64), side="right") - 1
    return np.clip(found, 0, edges.size - 2)


def _range(edges: FloatArray, at: int) -> str:
    return plain(float((edges[at] + edges[at + 1]) / 2), 3)


def _cell(values: FloatArray, scale: float, *, is_chosen: bool) -> str:
    frame = " chosen" if is_chosen else ""
    if not values.size:
        return f'<td class="cell{frame}"></td>'
    mean = float(values.mean())
    return (
        f'<td class="{shade(mean, scale)}{frame}" title="{values.size} sets, mean {mean:.6g}, '
        f'{values.min():.6g} to {values.max():.6g}">{plain(mean, 2)}</td>'
    )
