"""What research has stored, as rows for people: walk-forwards, backtests, days, revised bars."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.store.capital_evidence import with_capital
from quant_pipelines.store.record_days import day_ms, days_of_verdicts
from quant_pipelines.store.tables import (
    backtests,
    bar_revisions,
    optimizer_tasks,
    strategy_versions,
    verdicts,
)

_BACKTEST = (
    "id",
    "strategy",
    "content_hash",
    "symbol",
    "timeframe",
    "parameters",
    "first_day",
    "last_day",
    "final_equity",
    "capital",
    "trades",
    "metrics",
    "run_at",
)


class RowFilter(NamedTuple):
    """Which rows are asked for; None stands for all.

    Parameters
    ----------
    strategy, symbol, timeframe
        Of which only.
    limit
        Most rows, the newest ones.
    """

    strategy: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    limit: int = 50


def list_walks(connection: Connection, wanted: RowFilter, fresh: Freshness) -> list[dict[str, Any]]:
    """Read walk-forwards with their verdicts, newest first; one without says its status and error.

    With what capital says of them on a day; see ``with_capital``.
    """
    tasks = optimizer_tasks.c
    shown = ("paper_passed", "capital_passed", "decision", "parameters", "gates")
    query = (
        select(verdicts.c.id.label("verdict_id"), tasks.id.label("task_id"), tasks.strategy)
        .add_columns(strategy_versions.c.content_hash.label("version"), tasks.exchange, tasks.symbol)
        .add_columns(tasks.timeframe, tasks.searcher, tasks.objective, tasks.window_start, tasks.window_end)
        .add_columns(tasks.status, tasks.error, tasks.trigger, tasks.created_at)
        .add_columns(*(verdicts.c[name] for name in shown))
        .add_columns(verdicts.c.in_sample["trials"].as_integer().label("trials"))
        .add_columns(verdicts.c.out_of_sample["days"].as_integer().label("days"))
        .add_columns(verdicts.c.out_of_sample["sharpe"].as_float().label("sharpe"))
        .add_columns(verdicts.c.out_of_sample["total_return"].as_float().label("total_return"))
        .outerjoin(verdicts, verdicts.c.task_id == tasks.id)
        .join(strategy_versions, strategy_versions.c.id == tasks.strategy_version_id)
    )
    rows = with_capital(connection, newest_rows(connection, query, optimizer_tasks, wanted), fresh)
    return [{name: value for name, value in row.items() if name != "gates"} for row in rows]


def list_backtests(connection: Connection, wanted: RowFilter) -> list[dict[str, Any]]:
    """Read stored backtests, newest first."""
    query = select(*(backtests.c[name] for name in _BACKTEST))
    return newest_rows(connection, query, backtests, wanted, by="run_at")


def backtest_of(connection: Connection, backtest_id: int) -> dict[str, Any] | None:
    """Read one backtest with its rules and days; None where there is none."""
    row = connection.execute(select(backtests).where(backtests.c.id == backtest_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def save_backtest(connection: Connection, row: Mapping[str, Any]) -> int:
    """Store a backtest, or the time at which the same one ran again; return its id."""
    again = {name: row[name] for name in ("run_at", "final_equity", "trades", "metrics", "daily_returns")}
    again |= {"first_day": row["first_day"], "last_day": row["last_day"]}
    stored = upsert(backtests).values(**row)
    written = stored.on_conflict_do_update(index_elements=["backtest_key"], set_=again)
    return int(connection.execute(written.returning(backtests.c.id)).scalar_one())


def daily_returns_of_task(connection: Connection, task_id: int) -> dict[int, float]:
    """Read the out-of-sample returns of a walk-forward by the start of their UTC day, milliseconds."""
    days = days_of_verdicts().subquery()
    query = select(days.c.day, days.c.daily_return).where(days.c.task_id == task_id).order_by(days.c.day)
    return {day_ms(row.day): row.daily_return for row in connection.execute(query)}


def count_revised_bars(
    connection: Connection, exchange: str, symbols: Sequence[str], window: Window, *, since: datetime
) -> int:
    """Count the bars of a window that were rewritten after a time."""
    table = bar_revisions.c
    is_inside = (table.ts >= from_ms(window.start_ms)) & (table.ts < from_ms(window.end_ms))
    query = select(func.count()).where(
        table.exchange == exchange, table.symbol.in_(symbols), is_inside, table.revised_at > since
    )
    return int(connection.execute(query).scalar_one())


def version_of_task(connection: Connection, task_id: int) -> Mapping[str, Any] | None:
    """Text, digests and time of the strategy version behind a walk-forward; None without such a task."""
    query = (
        select(strategy_versions, optimizer_tasks.c.created_at.label("begun_at"))
        .join(optimizer_tasks, optimizer_tasks.c.strategy_version_id == strategy_versions.c.id)
        .where(optimizer_tasks.c.id == task_id)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def newest_rows(
    connection: Connection, query: Select[Any], table: Table, wanted: RowFilter, *, by: str = "id"
) -> list[dict[str, Any]]:
    """Rows of a query over a table that are asked for, newest first."""
    asked = {"strategy": wanted.strategy, "symbol": wanted.symbol, "timeframe": wanted.timeframe}
    is_meant = (table.c[name] == value for name, value in asked.items() if value is not None)
    order = (table.c[by].desc(), table.c.id.desc())
    return [
        dict(row)
        for row in connection.execute(query.where(*is_meant).order_by(*order).limit(wanted.limit)).mappings()
    ]
