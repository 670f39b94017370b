"""What a running stack is doing: services from the home, trading from Postgres, runs from the UI's API."""

import json
import urllib.request
from decimal import Decimal
from typing import Any

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.orders import shown_quantity
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.operations.outages import RUNNER, database_away, is_fresh, standing_outages
from quant_pipelines.stack.home import Home, is_locked
from quant_pipelines.stack.server import database_url_of
from quant_pipelines.store.alert_deliveries import open_alerts
from quant_pipelines.store.engine import connected, transaction
from quant_pipelines.store.funds import newest_funds
from quant_pipelines.store.heartbeats import Heartbeat, read_heartbeats
from quant_pipelines.store.rate_budgets import read_rate_budgets
from quant_pipelines.store.versions import standing_pins
from quant_pipelines.store.views import account_capital, current_deployments, newest_luck

_RUNS_QUERY = "{ runsOrError(limit: 5) { ... on Runs { results { jobName status startTime endTime } } } }"


def stack_status(home: Home, settings: Settings) -> dict[str, Any]:
    """Status document of a home.

    Returns
    -------
    dict
        ``services`` [name, state, since, address, metrics],
        ``deployments`` [strategy, version, symbols, stage, capital, ``luck`` (how likely its days are luck,
        and when more is known), ``pinned``, ...],
        ``requests`` (what is used of each exchange's request allowance),
        ``fills`` (count), ``equity`` (quote currency), ``trading_state``, ``last_runs``.
        ``outages`` [what, since, sentence]: what is away now. ``funds`` [account, at, wallet, unrealized,
        available, margin_usage, unit_value]: what accounts at venues have, quote and fractions. ``alerts``
        [open, newest]: what nobody acknowledged and what is not over; None without a database.
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
        "outages": [],
        "funds": [],
        "alerts": None,
        "last_runs": [],
    }
    if not is_up and not settings.database_url:
        return status
    trading = _trading(database_url_of(home, settings))
    names = {service["name"] for service in services}
    outages = [one for one in trading["outages"] if one["what"] != "runner" or (is_up and "runner" in names)]
    answers = "requests" in trading  # else the UI, whose runs are in the same server, hangs as well
    runs = _last_runs(known["ui"]) if is_up and answers and known.get("ui") else []
    return status | trading | {"outages": outages, "last_runs": runs}


def _trading(url: str) -> dict[str, Any]:
    try:
        with connected(url) as engine, transaction(engine) as connection:
            deployed = list(reversed(current_deployments(connection)))
            capital = account_capital(connection)
            beats = read_heartbeats(connection)
            requests = read_rate_budgets(connection, utc_now())
            outages = standing_outages(connection, utc_now())
            funds = newest_funds(connection)
            alerts = open_alerts(connection)
            luck, pinned = newest_luck(connection), standing_pins(connection)
    except StoreError as error:
        return {"outages": [database_away(error)]}
    return {
        "outages": outages,
        "funds": funds,
        "alerts": alerts,
        "deployments": [
            _deployment(row) | {"luck": luck.get(row["id"]), "pinned": pinned.get(row["id"], "")}
            for row in deployed
        ],
        "fills": sum(row["fills"] for row in deployed),
        "equity": _account_equity(capital, deployed),
        "trading_state": runner.state if (runner := _fresh(beats, RUNNER)) else None,
        "requests": requests,
        "collector": _collector(_fresh(beats, "collector")),
    }


def _deployment(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "strategy": row["strategy"],
        "version": row["content_hash"],
        "symbols": list(symbols_of(row["symbol"])),
        "timeframe": row["timeframe"],
        "stage": row["stage"],
        "capital": float(row["capital"]),
        "parameters": row["parameters"],
        "challenges": row["challenges"],
        "equity": row["equity"],
        "shortfall_bps": _rounded(row["shortfall_bps"]),
        "fee_bps": _rounded(row["fee_bps"]),
        "position": None if row["position"] is None else shown_quantity(row["position"]),
        "since": row["created_at"],
        "legs": [_leg(leg) for leg in row["legs"]],
    }


def _leg(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "symbol": row["symbol"],
        "equity": row["equity"],
        "position": None if row["position"] is None else shown_quantity(row["position"]),
    }


def _rounded(bps: Decimal | None) -> float | None:
    return None if bps is None else round(float(bps), 2)


def _account_equity(capital: float | None, deployed: list[dict[str, Any]]) -> float | None:
    """Capital of the accounts plus what their traded deployments made of theirs."""
    if capital is None:
        return None
    gained = (float(row["equity"]) - float(row["capital"]) for row in deployed if row["equity"] is not None)
    return capital + sum(gained)


def _fresh(beats: dict[str, Heartbeat], service: str) -> Heartbeat | None:
    beat = beats.get(service)
    return beat if is_fresh(beat, utc_now()) else None


def _collector(beat: Heartbeat | None) -> dict[str, Any] | None:
    if beat is None:
        return None
    shown = ("memory_mb", "events_per_second", "bars_closed", "cache")
    return {"state": beat.state, **{name: beat.detail.get(name) for name in shown}}


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
