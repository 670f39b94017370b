"""Margin that a user moves between the cross wallet and an isolated position, and what was moved."""

from dataclasses import replace

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.contract import money
from quant_pipelines.simulator.venue.documents import Document, amount_text
from quant_pipelines.simulator.venue.margin import funds, margins
from quant_pipelines.simulator.venue.messages import tell_account
from quant_pipelines.simulator.venue.records import ONE_WAY, ZERO, MarginChange
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import check_position_side, contract_for, decimal_of
from quant_pipelines.simulator.venue.state import Venue

_ADD, _REDUCE = "1", "2"
_KEPT_MS = 30 * DAY_MS


def change_position_margin(venue: Venue, query: Query) -> Document:
    """``POST positionMargin``: an isolated position keeps at least its initial margin and its loss."""
    symbol = contract_for(venue, query).symbol
    amount, kind = money(decimal_of(query, "amount")), query.text("type")
    check_position_side(venue, query)
    position = venue.ledger.position(symbol)
    if kind not in (_ADD, _REDUCE):
        raise refusal("parameter", "type")
    if amount <= 0:
        raise refusal("amount")
    if not position.is_isolated:
        raise refusal("margin_of_cross")
    if not position.quantity:
        raise refusal("margin_of_nothing")
    of = margins(venue, symbol)
    if kind == _ADD and amount > funds(venue).available:
        raise refusal("cross_balance")
    if kind == _REDUCE and amount > position.isolated_wallet + min(of.profit, ZERO) - of.position_margin:
        raise refusal("isolated_balance")
    moved = amount if kind == _ADD else -amount
    venue.ledger.put(replace(position, isolated_wallet=position.isolated_wallet + moved))
    venue.ledger.put(MarginChange(venue.ledger.next_number(), symbol, int(kind), amount, venue.now_ms))
    tell_account(venue, "MARGIN_TRANSFER", symbol, ts_ms=venue.now_ms)
    return {
        "amount": float(amount),
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": int(kind),
    }


def position_margin_history(venue: Venue, query: Query) -> list[Document]:
    """``GET positionMargin/history``: the newest of the last thirty days, oldest first."""
    symbol = contract_for(venue, query).symbol
    last = query.integer("endTime", venue.now_ms)
    first = query.integer("startTime", last - _KEPT_MS)
    kinds = [int(query.values["type"])] if query.values.get("type") in (_ADD, _REDUCE) else [1, 2]
    marks = ", ".join("?" * len(kinds))
    rows = venue.ledger.store.select(
        MarginChange,
        f"symbol = ? AND ts_ms BETWEEN ? AND ? AND kind IN ({marks}) ORDER BY number DESC LIMIT ?",
        *(symbol, first, last, *kinds, query.limit(500, 1000)),
    )
    return [
        {
            "symbol": row.symbol,
            "type": row.kind,
            "deltaType": "USER_ADJUST",
            "amount": amount_text(row.amount),
            "asset": "USDT",
            "time": row.ts_ms,
            "positionSide": ONE_WAY,
        }
        for row in rows[::-1]
    ]
