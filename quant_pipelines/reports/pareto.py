"""The sets of a search that no other beats in objective and drawdown at once."""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.optimize.pareto import is_beaten
from quant_pipelines.reports.axes import number_axis
from quant_pipelines.reports.charts import Chart, dots
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import percent, plain, value_text, words
from quant_pipelines.reports.page import Cell, paragraph, section, table
from quant_pipelines.reports.tried import TriedSet

_FEWEST = 12
_MOST_ROWS = 12


def pareto_section(tried: Sequence[TriedSet]) -> str:
    """Chart and table of the newest fold's front; nothing where too few drawdowns are known."""
    trials = list(tried)
    values = np.array([[one.objective, -one.drawdown] for one in trials]).reshape(-1, 2)
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    if known.size < _FEWEST:
        return ""
    trials, values = [trials[at] for at in known], values[known]
    beaten = is_beaten(values)
    front = sorted(np.flatnonzero(~beaten).tolist(), key=lambda at: values[at, 1])
    note = (
        f"Of the {known.size} sets that the newest fold tried, {len(front)} are beaten by no other in both: "
        "a higher objective costs a deeper fall of the equity. All of it is in-sample."
    )
    return section(
        "Pareto front", paragraph(note, "soft"), _chart(trials, values, beaten), _table(trials, front)
    )


def _chart(trials: Sequence[TriedSet], values: FloatArray, beaten: BoolArray) -> str:
    objective, drawdown = values[:, 0], -values[:, 1]
    x, y = number_axis(drawdown, percent, has_zero=True), number_axis(objective)
    layers = [
        dots(
            *(x, y, drawdown[shown], objective[shown]),
            name=name,
            kind=kind,
            hints=[_hint(trials[at]) for at in np.flatnonzero(shown).tolist()],
        )
        for shown, name, kind in ((beaten, "beaten by another", "hold"), (~beaten, "front", "c1"))
    ]
    title, below = "Objective by drawdown", "deepest fall by days"
    return draw(Chart(title, "in-sample", x, y, layers, x_name=below, hover="plain", x_hover="%"))


def _hint(trial: TriedSet) -> str:
    values = (f"{words(name)} {value_text(value, 5)}" for name, value in trial.parameters.items())
    return "; ".join([f"objective {trial.objective:.6g}", f"drawdown {percent(trial.drawdown)}", *values])


def _table(trials: Sequence[TriedSet], front: Sequence[int]) -> str:
    """Table of the front from its highest objective on, thinned where it is long."""
    kept = front if len(front) <= _MOST_ROWS else [front[at] for at in _thinned(len(front))]
    names = list(trials[kept[0]].parameters)
    rows = [
        [
            Cell(plain(trials[at].objective, 2), trials[at].objective),
            Cell(percent(trials[at].drawdown), trials[at].drawdown),
            *(Cell(value_text(trials[at].parameters[name], 3)) for name in names),
        ]
        for at in kept
    ]
    return table(["objective", "drawdown", *(words(name) for name in names)], rows, texts=())


def _thinned(size: int) -> list[int]:
    return sorted({round(at) for at in np.linspace(0, size - 1, _MOST_ROWS).tolist()})
