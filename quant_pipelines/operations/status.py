"""What a running stack is doing: services from the home, trading from Postgres, runs from the UI's API."""

import json
import urllib.request
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.stack.home import Home, is_locked
from quant_pipelines.stack.server import database_url_of
from quant_pipelines.store.engine import connect
from quant_pipelines.store.rate_budgets import read_rate_budgets
from quant_pipelines.store.tables import (
    accounts,
    deployments,
    equity,
    fills,
    heartbeats,
    strategy_versions,
)

# Three missed heartbeats of the default interval; an older state says nothing about now.
_FRESH_HEARTBEAT = timedelta(seconds=15)
_RUNS_QUERY = "{ runsOrError(limit: 5) { ... on Runs { results { jobName status startTime endTime } } } }"


def stack_status(home: Home, settings: Settings) -> dict[str, Any]:
    """Status document of a home.

    Returns
    -------
    dict
        ``services`` [name, state, since, address], ``deployments`` [strategy, version, symbols, stage,
        capital, ...],
        ``requests`` (what is used of each exchange's request allowance),
        ``fills`` (count), ``equity`` (quote currency), ``trading_state``, ``last_runs``.
        Without a database ``fills``, ``equity`` and ``trading_state`` are None. ``collector`` is its last
        heartbeat, None when that is not fresh.
    """
    is_up = is_locked(home)
    known = home.read_services() or {}
    services = [dict(service) for service in known.get("services", [])]
    if not is_up:
        for service in services:
            service.update(state="stopped", pid=None)
    status: dict[str, Any] = {
        "running": is_up,
        "home": str(home.folder),
        "ui": known.get("ui"),
        "venue": known.get("venue"),
        "services": services,
        "deployments": [],
        "requests": [],
        "fills": None,
        "equity": None,
        "trading_state": None,
        "collector": None,
        "last_runs": _last_runs(known["ui"]) if is_up and known.get("ui") else [],
    }
    return status | _trading(database_url_of(home, settings) if is_up or settings.database_url else "")


def _trading(url: str) -> dict[str, Any]:
    if not url:
        return {}
    engine = connect(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return {
                "deployments": [_deployment(row) for row in connection.execute(_deployments_query())],
                "fills": connection.execute(select(func.count()).select_from(fills)).scalar_one(),
                "equity": _account_equity(connection),
                "trading_state": _trading_state(connection),
                "requests": read_rate_budgets(connection, utc_now()),
                "collector": _collector(connection),
            }
    except (OperationalError, ProgrammingError):
        return {}  # away, or not migrated yet: the services say so
    finally:
        engine.dispose()


def _deployments_query() -> Any:
    latest = (
        select(equity.c.deployment_id, equity.c.equity, equity.c.position)
        .distinct(equity.c.deployment_id)
        .order_by(equity.c.deployment_id, equity.c.ts.desc())
        .subquery()
    )
    return (
        select(deployments, strategy_versions.c.content_hash, latest.c.equity, latest.c.position)
        .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
        .outerjoin(latest, latest.c.deployment_id == deployments.c.id)
        .order_by(deployments.c.id)
    )


def _deployment(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "strategy": row.strategy,
        "version": row.content_hash,
        "symbols": [row.symbol],
        "timeframe": row.timeframe,
        "stage": row.stage,
        "capital": float(row.capital),
        "parameters": row.parameters,
        "equity": row.equity,
        "position": row.position,
        "since": row.created_at,
    }


def _account_equity(connection: Connection) -> float | None:
    """Capital of the accounts plus what their traded deployments made of theirs."""
    capital = connection.execute(select(func.sum(accounts.c.capital))).scalar_one()
    if capital is None:
        return None
    rows = connection.execute(_deployments_query()).all()
    gained = [float(row.equity) - float(row.capital) for row in rows if row.equity is not None]
    return float(capital) + sum(gained)


def _trading_state(connection: Connection) -> str | None:
    row = connection.execute(select(heartbeats).where(heartbeats.c.service == "live_runner")).one_or_none()
    return row.state if row is not None and utc_now() - row.at < _FRESH_HEARTBEAT else None


def _collector(connection: Connection) -> dict[str, Any] | None:
    row = connection.execute(select(heartbeats).where(heartbeats.c.service == "collector")).one_or_none()
    if row is None or utc_now() - row.at >= _FRESH_HEARTBEAT:
        return None
    shown = ("memory_mb", "events_per_second", "bars_closed", "cache")
    return {"state": row.state, **{name: row.detail.get(name) for name in shown}}


def _last_runs(ui: str) -> list[dict[str, Any]]:
    body = json.dumps({"query": _RUNS_QUERY}).encode()
    request = urllib.request.Request(  # noqa: S310 - the UI's own address on loopback
        f"{ui}/graphql", data=body, headers={"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer = json.load(response)
    except (OSError, ValueError):
        return []
    results = answer.get("data", {}).get("runsOrError", {}).get("results", [])
    return [
        {
            "job": run["jobName"],
            "status": run["status"],
            "started": _moment(run["startTime"]),
            "ended": _moment(run["endTime"]),
        }
        for run in results
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else from_ms(int(seconds) * 1000).isoformat()
