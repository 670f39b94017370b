"""One backtest that was run on what is stored: its measures and its days."""

from typing import Any

import numpy as np

from quant_pipelines.core.errors import UnknownRow
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.gateway.console import figures
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.metrics import compounded
from quant_pipelines.store.research_lists import backtest_of


def read_backtest(services: Services, backtest_id: int) -> dict[str, Any]:
    """Read one backtest.

    Raises
    ------
    UnknownRow
        If there is no such backtest.
    """
    with reading(services) as read:
        row = backtest_of(read.connection, backtest_id)
    if row is None:
        raise UnknownRow(f"backtest {backtest_id} does not exist; expected one that the lab lists")
    equity = row["capital"] * compounded(np.array(row["daily_returns"], dtype=np.float64))
    start = day_start_ms(row["first_day"].isoformat())
    curve = figures.curve_of([start + DAY_MS * at for at in range(equity.size)], equity.tolist())
    return {
        "as_of": read.as_of,
        "row_version": read.row_version,
        "row": row,
        "chart": figures.equity_chart("Equity at day ends", curve),
        "depth": figures.drawdown_chart("Below its peak", curve),
    }
