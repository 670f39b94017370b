"""The page of a combinatorial study: the distribution of its paths, and why it proves nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.metrics import compounded
from quant_pipelines.reports.axes import number_axis, time_axis
from quant_pipelines.reports.charts import Chart, level, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import NOTHING, day, percent, plain, value_text
from quant_pipelines.reports.page import Cell, Tile, document, paragraph, section, signed, table, tiles

_KINDS = ("c1", "c2", "hold")


def render_study(name: str, market: str, result: Mapping[str, Any], warning: str) -> str:
    """Render a study as one HTML page that needs nothing else.

    Parameters
    ----------
    name, market
        Strategy, and what it was studied on.
    result
        Figures, paths and splits.
    warning
        Why its paths are no record.
    """
    figures = result["figures"]
    first_ms, end_ms = result["first_day_ms"], result["first_day_ms"] + DAY_MS * figures["days"]
    sections = [
        paragraph(warning),
        tiles(_tiles(figures)),
        _curves(result, first_ms),
        section("Paths", _paths(figures)),
        section("Splits", _splits(result)),
    ]
    return document(f"Combinatorial study of {name}", f"{market}, {day(first_ms)} to {day(end_ms)}", sections)


def _tiles(figures: Mapping[str, Any]) -> list[Tile]:
    ends = f"5 % {plain(figures['sharpe_05'], 3)}, 95 % {plain(figures['sharpe_95'], 3)}"
    return [
        Tile("Paths", f"{figures['paths']}", f"of {figures['splits']} splits, {figures['days']} days"),
        Tile("Sharpe ratio, mean", plain(figures["sharpe_mean"], 3), "over the paths"),
        Tile("Sharpe ratio, deviation", plain(figures["sharpe_deviation"], 3), ends),
        Tile("Losing paths", percent(figures["share_of_losing_paths"], 0), "of all"),
        Tile("Tried", f"{figures['trials']:,}", "parameter sets"),
    ]


def _curves(result: Mapping[str, Any], first_ms: int) -> str:
    equities = [compounded(np.array(path, dtype=np.float64)) for path in result["paths"]]
    times = first_ms + DAY_MS * np.arange(equities[0].size, dtype=np.int64)
    x, y = time_axis(int(times[0]), int(times[-1])), number_axis(np.concatenate(equities))
    layers = [
        line(x, y, times, equity, name=f"path {number}", kind=_KINDS[(number - 1) % len(_KINDS)])
        for number, equity in enumerate(equities, 1)
    ]
    chart = Chart("Equity of each path", "starts at 1", x, y, [level(y, 1.0), *layers], height=300, hover="1")
    return section("Equity", draw(chart))


def _paths(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{number}",
            NOTHING if sharpe is None or np.isnan(sharpe) else f"{sharpe:.2f}",
            Cell(percent(total), total, signed(total)),
        )
        for number, (sharpe, total) in enumerate(
            zip(figures["path_sharpes"], figures["path_returns"], strict=True), 1
        )
    ]
    return table(("path", "Sharpe ratio", "return"), rows)


def _splits(result: Mapping[str, Any]) -> str:
    rows = [
        (
            ", ".join(str(group + 1) for group in split["groups"]),
            f"{split['purge_days']} d",
            f"{split['trials']:,}",
            Cell(_values(split["parameters"]), kind="long"),
        )
        for split in result["splits"]
    ]
    return table(("groups tested", "purge", "tried", "parameters"), rows, texts=(0, 3))


def _values(parameters: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{key}={value_text(value, 4)}" for key, value in (parameters or {}).items()) or "none"
