"""Why an order was sent, or why none was: the decision chain as it was journaled, read back.

Nothing is computed again here; what the journal does not say is not said.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from quant_pipelines.core.arrival import ExecutedPart, arrival_cost
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.store import decisions as store
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_universe, read_whitelist
from quant_pipelines.store.outages import outages_at, wait_of

_DEPLOYMENT = ("id", "strategy", "symbol", "timeframe", "execution_timeframe", "parameters", "stage")
_INTENT = (
    "client_order_id",
    "venue_order_id",
    "side",
    "quantity",
    "order_type",
    "decision_price",
    "arrival_price",
    "purpose",
    "exit_reason",
    "epoch",
)
_STATE = ("committed_at", "status", "filled_quantity", "reason")
_FILL = ("trade_id", "side", "quantity", "price", "fee", "reason", "ts", "booked_at")


def explain_order(engine: Engine, reference: str) -> dict[str, Any]:
    """Chain behind an order or a trade: verdict, deployment, signal, intent, order, fills, and what it cost.

    Parameters
    ----------
    engine
        Product database.
    reference
        Client order id, or trade id of a fill.

    Raises
    ------
    DataError
        If neither an order nor a fill has this id.
    """
    with transaction(engine) as connection:
        fill = store.find_fill(connection, reference)
        intent = store.find_intent(connection, (fill or {}).get("client_order_id") or reference)
        if intent is None and fill is None:
            raise DataError(
                f"{reference!r} is neither an order nor a trade; expected an id as quant shows it"
            )
        known = intent or fill or {}
        chain = _deployed(connection, known["deployment_id"])
        if intent is None:
            chain |= {"signal": None, "order": None, "cost": None, "fills": [store.shown(fill or {}, *_FILL)]}
            return chain | {
                "answer": f"a {known['reason']} of the broker: it needs no decision of the strategy"
            }
        signal = store.signal_at(connection, intent["deployment_id"], intent["bar_close"])
        booked = store.fills_of(connection, intent["client_order_id"])
        return chain | {
            "signal": _signal(signal) if signal else None,
            "order": store.shown(intent, *_INTENT, *_STATE),
            "fills": [store.shown(row, *_FILL) for row in booked],
            "cost": _cost(intent, booked),
            "answer": _order_sentence(intent, signal, len(booked)),
        }


def explain_bar(engine: Engine, exchange: str, symbol: str, at: datetime) -> dict[str, Any]:
    """Tell what every deployment of a symbol decided at a time, and if it ordered nothing, why.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbol
        Which symbol.
    at
        The bar that had closed by then is meant.

    Returns
    -------
    dict
        ``symbol``, ``at``, ``deployments`` (each with ``answer``, ``signal`` and ``orders``), ``outages``
        (what was away then) and ``answer``.

    Raises
    ------
    DataError
        If the symbol is not in the universe (the nearest one is suggested).
    """
    known = read_universe(engine, exchange)
    if symbol not in known:
        raise DataError(unknown_name("symbol of the universe", symbol, known))
    is_traded = symbol in read_whitelist(engine, exchange)
    with transaction(engine) as connection:
        away = outages_at(connection, at)
        rows = [_at_bar(connection, row, at) for row in store.deployments_of(connection, exchange, symbol)]
        answer = f"{len(rows)} deployments" if rows else _never_deployed(connection, exchange, symbol, at)
    if not rows and not is_traded:
        answer = f"{symbol} is not on the whitelist: it is scanned and scored, not traded"
    if away:
        answer = f"{answer}; {_told(away)}"
    return {"symbol": symbol, "at": at, "deployments": rows, "answer": answer, "outages": away}


def _at_bar(connection: Connection, row: dict[str, Any], at: datetime) -> dict[str, Any]:
    step = timedelta(milliseconds=timeframe_ms(row["timeframe"]))
    signal = store.newest_signal(connection, row["id"], at - step, at)
    ordered = store.orders_at(connection, row["id"], signal["bar_close"]) if signal else []
    answer = _decision_sentence(signal, ordered) if signal else _silence(connection, row, at)
    return {
        "deployment": store.shown(row, *_DEPLOYMENT),
        "signal": _signal(signal) if signal else None,
        "orders": [order["client_order_id"] for order in ordered],
        "answer": answer,
    }


def _decision_sentence(signal: dict[str, Any], ordered: list[dict[str, Any]]) -> str:
    decision = signal["decision"]
    reason = decision.get("reason", "not journaled")
    when = f"{signal['bar_close']:%Y-%m-%d %H:%M} UTC"
    if late := decision.get("late_seconds"):
        when = f"{when}, {late:.0f} s late ({decision['waited_for']}),"
    named = [f"{order['client_order_id']}{_unsent(order, ' (never sent: {})')}" for order in ordered]
    outcome = f"ordered {', '.join(named)}" if ordered else "no order"
    return f"decided at {when} on target {signal['target']:g}: {outcome} ({reason})"


def _unsent(order: dict[str, Any], words: str) -> str:
    """Say of an order that the rules had let through why it was never sent; empty if it was."""
    return words.format(order["reason"] or "no reason is journaled") if order["status"] == "DENIED" else ""


def _silence(connection: Connection, row: dict[str, Any], at: datetime) -> str:
    """Why there is no decision: the first of the reasons, from the outside in, that is stored."""
    if row["created_at"] > at:
        return f"it was deployed later, at {row['created_at']:%Y-%m-%d %H:%M} UTC"
    if row["stage"] not in LADDER and row["stage_changed_at"] <= at:
        return f"it is {row['stage']} since {row['stage_changed_at']:%Y-%m-%d %H:%M} UTC"
    whole = row["set_id"] or row["id"]
    own = dict.fromkeys((f"deployment:{row['id']}", f"deployment:{whole}"))
    scopes = [*own, "account", f"account:{row['account_id']}"]
    halt = store.halt_at(connection, scopes, at)
    if halt is not None:
        return f"{halt['source']} was halted at {halt['at']:%Y-%m-%d %H:%M} UTC: {halt['message']}"
    waits = outages_at(connection, at, wait_of(f"deployment:{row['id']}"))
    if away := waits or outages_at(connection, at):
        return _told(away)
    step = timedelta(milliseconds=timeframe_ms(row["execution_timeframe"]))
    if not store.has_equity(connection, row["id"], at - step, at):
        return "no bar was booked then: the runner was away, or the exchange's data were"
    return f"bars were booked, and no decision on a bar of {row['timeframe']} is journaled"


def _told(outages: list[dict[str, Any]]) -> str:
    """Sentences of outages, each with its end."""
    ends = (f"{row['resolved_at']:%Y-%m-%d %H:%M:%S} UTC" if row["resolved_at"] else "" for row in outages)
    told = zip(outages, ends, strict=True)
    return "; ".join(f"{row['message']}{f', until {end}' if end else ''}" for row, end in told)


def _never_deployed(connection: Connection, exchange: str, symbol: str, at: datetime) -> str:
    found = store.verdicts_until(connection, exchange, symbol, at)
    if not found:
        return "nothing is deployed on it, and no walk-forward had judged it by then"
    reasons = [
        f"{row['strategy']} {row['timeframe']} {row['decision']}: {'; '.join(map(str, row['reasons']))}"
        for row in found
    ]
    return f"nothing is deployed on it: {' | '.join(reasons)}"


def _order_sentence(intent: dict[str, Any], signal: dict[str, Any] | None, n_fills: int) -> str:
    why = "its decision is not journaled"
    if intent["exit_reason"]:
        why = f"{intent['exit_reason']} of the position: it needs no decision of the strategy"
    elif signal:
        why = signal["decision"].get("reason", "not journaled")
    target = f"target {signal['target']:g} at {signal['price']:g}; " if signal else ""
    state = intent["status"] or "never handed to the broker"
    state = _unsent(intent, "never sent: {}") or state
    return f"{target}{why}; {intent['side']} {intent['quantity']:f}, {state}, {n_fills} fills"


def _cost(intent: dict[str, Any], booked: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Cost against the arrival price, fees apart; None without fills, or where no price was stored."""
    arrival_price = intent["arrival_price"] or intent["decision_price"]
    executions = [ExecutedPart(row["quantity"], row["price"], row["fee"]) for row in booked]
    cost = arrival_cost(intent["side"], arrival_price, executions) if arrival_price else None
    return cost._asdict() if cost else None


def _signal(signal: dict[str, Any]) -> dict[str, Any]:
    return store.shown(signal, "bar_close", "target", "price", "decision", "decided_at")


def _deployed(connection: Connection, deployment_id: int) -> dict[str, Any]:
    row = store.read_deployment(connection, deployment_id)
    verdict = store.read_verdict(connection, row["verdict_id"])
    return {
        "deployment": store.shown(row, *_DEPLOYMENT),
        "verdict": store.shown(verdict, "id", "decision", "reasons") if verdict else None,
    }
