"""``quant research list``: what is stored of walk-forwards, or of backtests."""

import argparse
from math import comb
from typing import Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import within
from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import TIMEFRAMES

_LIMIT = 50
_WALKS = (
    "verdict_id",
    "task_id",
    "strategy",
    "symbol",
    "timeframe",
    "window_end",
    "days",
    "sharpe",
    "total_return",
    "result",
)
_STUDIES = (
    "study_id",
    "strategy",
    "symbol",
    "timeframe",
    "window_end",
    "splits_run",
    "splits",
    "paths",
    "sharpe_05",
    "sharpe_median",
    "sharpe_95",
)
_BACKTESTS = (
    "id",
    "strategy",
    "symbol",
    "timeframe",
    "first_day",
    "last_day",
    "trades",
    "final_equity",
    "run_at",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_home(parser)
    parser.add_argument("--strategy", metavar="NAME", help="of this strategy only")
    parser.add_argument("--symbol", type=require_symbol, help="such as BTC/USDT:USDT")
    parser.add_argument("--timeframe", choices=tuple(TIMEFRAMES))
    parser.add_argument(
        "--limit",
        type=within(Bounds(1, 10_000), "limit"),
        default=_LIMIT,
        metavar="N",
        help="most rows (default: %(default)s)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--backtests", action="store_true", help="backtests instead of walk-forwards")
    what.add_argument("--studies", action="store_true", help="combinatorial studies instead of walk-forwards")


def run(arguments: argparse.Namespace) -> int:
    """Print the newest ones."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.freshness import freshness
    from quant_pipelines.store.engine import transaction
    from quant_pipelines.store.research_lists import RowFilter, list_backtests, list_walks
    from quant_pipelines.store.studies import list_studies

    wanted = RowFilter(arguments.strategy, arguments.symbol, arguments.timeframe, arguments.limit)
    with opened(arguments) as (engine, settings), transaction(engine) as connection:
        if arguments.backtests:
            rows = list_backtests(connection, wanted)
        elif arguments.studies:
            rows = [listed_study(row) for row in list_studies(connection, wanted)]
        else:
            rows = list_walks(connection, wanted, freshness(settings.ladder, system_clock_ms))
    if arguments.studies:
        print_answer(arguments, {"studies": rows}, table([_short(row) for row in rows], _STUDIES))
    elif arguments.backtests:
        print_answer(arguments, {"backtests": rows}, table([_short(row) for row in rows], _BACKTESTS))
    else:
        shown = [_short(row) | {"result": _result(row)} for row in rows]
        print_answer(arguments, {"walk_forwards": rows}, table(shown, _WALKS))
    return 0


def listed_study(row: dict[str, Any]) -> dict[str, Any]:
    """Row of a study with its number of splits and the figures of its paths."""
    windows, figures = row.pop("windows"), row.pop("figures") or {}
    splits = comb(windows["groups"], windows["test_groups"])
    shown = {name: figures.get(name) for name in ("paths", "sharpe_05", "sharpe_median", "sharpe_95")}
    return row | {"splits": splits, "is_finished": bool(figures)} | shown


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Row with times as a table shows them."""
    return {
        name: f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else value for name, value in row.items()
    }


def _result(row: dict[str, Any]) -> str:
    if row["verdict_id"] is None:
        return f"{row['status']}: {row['error']}" if row["error"] else str(row["status"])
    said = row["capital"]
    by = f" ({said['decided_by']})" if said["decision"] != "passed" else ""
    return f"{row['decision']}, capital {said['decision']}{by}"
