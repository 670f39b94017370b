"""Keeps the backtests that were run on stored market data, for ``quant research list --backtests``."""

import argparse
import logging
from collections.abc import Sequence
from typing import Any

from quant_pipelines.cli.backtest_run import document_of
from quant_pipelines.cli.history import open_database
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.instrument_sets import set_name
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.core.timeframes import day_start_ms, from_ms
from quant_pipelines.reports.run import BacktestRun
from quant_pipelines.settings import load_settings
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import finite
from quant_pipelines.store.research_lists import save_backtest

_log = logging.getLogger(__name__)


def store_backtests(arguments: argparse.Namespace, runs: Sequence[BacktestRun]) -> list[int]:
    """Store what ran on the database's history, the first one first; with an archive there is none.

    A database that went away meanwhile costs the row, and not the answer: a warning says so.

    Returns
    -------
    list of int
        Ids of the rows; the same for the same backtest.
    """
    if arguments.archive is not None:
        return []
    settings = load_settings()
    rows = [_row(arguments, run, settings.exchange.id) for run in runs]
    try:
        with open_database(arguments, settings) as engine, transaction(engine) as connection:
            return [save_backtest(connection, row) for row in rows]
    except StoreError as error:
        _log.warning("the backtest is not stored: %s", error)
        return []


def _row(arguments: argparse.Namespace, run: BacktestRun, exchange: str) -> dict[str, Any]:
    result, document = run.result, document_of(run)
    asked = {
        "strategy": run.strategy,
        "content_hash": run.version,
        "kernel_digest": kernel_digest(),
        "exchange": exchange,
        "symbol": set_name([bars.symbol for bars in run.bars]),
        "timeframe": run.bars[0].timeframe,
        "parameters": dict(run.parameters),
        "settings": {
            "rules": finite(run.rules.to_document()),
            "stops": arguments.stops,
            "funding": arguments.funding,
            "execution_timeframe": result.execution_timeframe,
        },
        "capital": result.capital,
    }
    days = {"first_day": result.days[0], "last_day": result.days[-1]}
    return {
        "backtest_key": digest_of(asked | days),
        **asked,
        **{name: from_ms(day_start_ms(day)).date() for name, day in days.items()},
        "final_equity": result.final_equity,
        "trades": len(result.trades),
        "metrics": finite(document["metrics"]),
        "daily_returns": result.daily_returns.tolist(),
        "run_at": utc_now(),
    }
