"""Spans of decisions, orders and fills: values only.

A decision is a trace. Its id is a digest of the name that logs give it (``17-6b0d5ab4``), so that a line of a
log leads to its trace, and what is sent twice is the same span.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from quant_pipelines.core.ids import decision_id, decision_of
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.traced_rows import TracedDecision, TracedFill, TracedOrder

Attribute: TypeAlias = str | int | float | bool
_FAILED = ("DENIED", "REJECTED")
_NANOSECONDS = 1_000


class SpanIds(NamedTuple):
    """Ids as OpenTelemetry counts them: 128 bits for the trace, 64 for a span; no parent is None."""

    trace: int
    span: int
    parent: int | None


class _Times(NamedTuple):
    start: datetime
    end: datetime


class ChainSpan(NamedTuple):
    """One step of a chain.

    Parameters
    ----------
    name
        What it is.
    ids
        Where it belongs.
    start_ns, end_ns
        Nanoseconds since 1970, UTC; the end is not before the start.
    attributes
        What is known of it.
    fault
        Why it failed; empty if it did not.
    """

    name: str
    ids: SpanIds
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    fault: str = ""


def decision_span(row: TracedDecision) -> ChainSpan:
    """From the close of a bar to what was decided on it."""
    name = decision_id(row.deployment_id, to_ms(row.bar_close))
    denied_by = str(row.decision.get("denied_by") or "")
    about: dict[str, Attribute] = {
        "quant.decision": name,
        "quant.deployment": row.deployment_id,
        "quant.strategy": row.strategy,
        "quant.symbol": row.symbol,
        "quant.timeframe": row.timeframe,
        "quant.target": row.target,
        "quant.price": row.price,
        "quant.reason": str(row.decision.get("reason", "")),
    }
    ids = SpanIds(_id(name, 16), _id(f"{name} decision", 8), None)
    return _spanned("decision", ids, _Times(row.bar_close, row.decided_at), about, denied_by)


def order_span(row: TracedOrder) -> ChainSpan:
    """From what was meant, committed, to how the order ended."""
    decision = _decision_of(row)
    parent = _id(f"{decision} decision", 8) if row.is_decided else None
    about: dict[str, Attribute] = {
        "quant.decision": decision,
        "quant.deployment": row.deployment_id,
        "quant.symbol": row.symbol,
        "quant.order": row.client_order_id,
        "quant.purpose": row.purpose,
        "quant.side": row.side,
        "quant.quantity": float(row.quantity),
        "quant.order_type": row.order_type,
        "quant.status": row.status,
        "quant.reason": row.reason,
    }
    fault = (row.reason or row.status) if row.status in _FAILED else ""
    ids = SpanIds(_id(decision, 16), _id(f"{row.client_order_id} order", 8), parent)
    return _spanned("order", ids, _Times(row.committed_at, row.updated_at), about, fault)


def fill_span(row: TracedFill) -> ChainSpan:
    """From the trade at the venue to its booking."""
    order = row.client_order_id
    decision = (decision_of(order) if order else None) or f"{row.deployment_id}-{row.trade_id}"
    about: dict[str, Attribute] = {
        "quant.decision": decision,
        "quant.deployment": row.deployment_id,
        "quant.symbol": row.symbol,
        "quant.trade": row.trade_id,
        "quant.order": order or "",
        "quant.side": row.side,
        "quant.quantity": float(row.quantity),
        "quant.price": float(row.price),
        "quant.fee": float(row.fee),
        "quant.reason": row.reason,
    }
    own = f"{row.venue} {row.symbol} {row.trade_id} {row.part} fill"
    ids = SpanIds(_id(decision, 16), _id(own, 8), _id(f"{order} order", 8) if order else None)
    return _spanned("fill", ids, _Times(row.ts, row.booked_at), about)


def _decision_of(row: TracedOrder) -> str:
    # An order whose id names no decision of ours is a trace of its own.
    return decision_of(row.client_order_id) or row.client_order_id


def _spanned(
    name: str,
    ids: SpanIds,
    times: _Times,
    about: Mapping[str, Attribute],
    fault: str = "",
) -> ChainSpan:
    start, end = _ns(times.start), _ns(times.end)
    return ChainSpan(name, ids, start, max(start, end), about, fault)


def _ns(at: datetime) -> int:
    # Whole microseconds: a float of nanoseconds would be off by some hundred.
    return (to_ms(at) * 1_000 + at.microsecond % 1_000) * _NANOSECONDS


def _id(text: str, n_bytes: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:n_bytes])
