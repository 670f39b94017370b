"""Searches and their verdicts: what was tried, what each gate said, two beside each other, a new search."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.metrics import max_drawdown, sharpe_ratio, total_return
from quant_pipelines.reports.stitched import Curve, stitched_charts
from quant_pipelines.store.research_lists import RowFilter, daily_returns_of_task, list_backtests

_WALKS, _BACKTESTS = 50, 20


class ComparedRecord(NamedTuple):
    """What a record did on the days that it is compared on: rates are fractions, Sharpe ratio of a year."""

    days: int
    total_return: float
    sharpe: float | None
    drawdown: float


def read_lab(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read walk-forwards, newest first; of one strategy or symbol where that is asked."""
    strategy, symbol = asked.get("strategy") or None, asked.get("symbol") or None
    walks = reading_routes.verdicts(services, strategy=strategy, symbol=symbol, limit=_WALKS)
    with reading(services) as read:
        tested = list_backtests(read.connection, RowFilter(strategy, symbol, limit=_BACKTESTS))
    return {
        "as_of": walks.as_of,
        "row_version": walks.row_version,
        "walks": walks.rows,
        "judged": [row.verdict_id for row in walks.rows if row.verdict_id is not None],
        "backtests": tested,
        "strategy": strategy or "",
        "symbol": symbol or "",
        "files": reading_routes.strategies(services).rows,
    }


def read_comparison(services: Services, first: int, second: int) -> dict[str, Any]:
    """Read two verdicts, and what they earned on the days that both have.

    Raises
    ------
    UnknownRow
        If one does not exist.
    """
    pages = [reading_routes.verdict(services, one) for one in (first, second)]
    rows = [page.rows[0] for page in pages]
    with reading(services) as read:
        by_day = [daily_returns_of_task(read.connection, row.task_id) for row in rows]
    days = np.array(sorted(by_day[0].keys() & by_day[1].keys()), dtype=np.int64)
    curves = [
        Curve(f"verdict {row.id}", days, np.array([one[day] for day in days.tolist()], dtype=np.float64))
        for row, one in zip(rows, by_day, strict=True)
    ]
    return {
        "as_of": pages[0].as_of,
        "rows": rows,
        "compared": [_on_common_days(curve) for curve in curves] if days.size else [],
        "chart": Markup(stitched_charts(curves, ()).equity) if days.size else "",  # noqa: S704 - escaped
        "names": sorted({*rows[0].parameters, *rows[1].parameters}),
        "measures": sorted({*rows[0].out_of_sample, *rows[1].out_of_sample}),
        "gates": _gates(rows),
    }


def _on_common_days(curve: Curve) -> ComparedRecord:
    returns = curve.returns
    sharpe = sharpe_ratio(returns)
    return ComparedRecord(
        int(returns.size), total_return(returns), None if np.isnan(sharpe) else sharpe, max_drawdown(returns)
    )


def _gates(rows: list[Any]) -> list[tuple[str, list[Mapping[str, Any] | None]]]:
    """Gates by name, as each of the verdicts has them."""
    by_name = [{gate["name"]: gate for gate in row.gates} for row in rows]
    names = dict.fromkeys(name for gates in by_name for name in gates)
    return [(name, [gates.get(name) for gates in by_name]) for name in names]
