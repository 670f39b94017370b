"""The audit log, the chain behind an order, and days beside their replays."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from quant_pipelines.core.errors import DataError
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console.books import heads_of
from quant_pipelines.gateway.reading_models import AuditView, Page
from quant_pipelines.gateway.reading_routes import AuditAsked, reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.operations.explain import explain_order
from quant_pipelines.store import shown_rows

_ROWS, _EXPORTED, _DAYS = 50, 500, 30
_FILTERS: Final = ("actor", "action", "subject")
_LONGEST: Final = 200


class ChainStep(NamedTuple):
    """A step of a chain: when, what it is called, and what is known of it."""

    at: Any
    name: str
    detail: Any


def read_audit(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read rows of the audit log, the chain behind an order that is asked for, and newest days."""
    page = read_rows(services, asked, _ROWS)
    reference = asked.get("order", "").strip()[:_LONGEST]
    steps, sentence = list[ChainStep](), ""
    if reference:
        try:
            chain = explain_order(services.engine, reference)
            steps, sentence = timeline(chain), chain["answer"]
        except DataError as error:
            sentence = str(error)
    with reading(services) as read:
        parity = shown_rows.newest_parity(read.connection, limit=_DAYS)
    return {
        "as_of": page.as_of,
        "rows": page.rows,
        "next": page.next,
        "asked": {name: asked.get(name, "") for name in _FILTERS},
        "order": reference,
        "steps": steps,
        "sentence": sentence,
        "parity": parity,
        "heads": heads_of(reading_routes.deployments(services).rows),
        "recent": reading_routes.fills(services, limit=10).rows,
    }


def read_rows(services: Services, asked: Mapping[str, str], limit: int = _EXPORTED) -> Page[AuditView]:
    """Read the rows of the audit log that are asked for."""
    wanted = {name: asked.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    before = asked.get("before", "")
    place = int(before) if before.isdigit() and len(before) < 19 else None
    return reading_routes.audit_logs(services, AuditAsked(limit=limit, before=place, **wanted))


def timeline(chain: Mapping[str, Any]) -> list[ChainStep]:
    """Order a chain by time: verdict and deployment, the bar's signal, the order, its fills, its cost."""
    steps = [ChainStep(None, name, chain[name]) for name in ("verdict", "deployment") if chain.get(name)]
    if signal := chain.get("signal"):
        steps.append(ChainStep(signal["bar_close"], "bar closed", {"price": signal["price"]}))
        said = {name: one for name, one in signal.items() if name not in ("bar_close", "decided_at")}
        steps.append(ChainStep(signal["decided_at"], "signal and risk decision", said))
    if order := chain.get("order"):
        said = {name: one for name, one in order.items() if name != "committed_at"}
        steps.append(ChainStep(order["committed_at"], "order", said))
    for fill in chain["fills"]:
        said = {name: one for name, one in fill.items() if name not in ("ts", "booked_at")}
        steps.append(ChainStep(fill["ts"], "fill", said | {"booked_at": fill["booked_at"]}))
    if cost := chain.get("cost"):
        steps.append(ChainStep(None, "cost", cost))
    return steps


def exported(page: Page[AuditView]) -> str:
    """Rows of the audit log as CSV; text that a spreadsheet would calculate is quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("id", "at", "actor", "action", "subject", "detail"))
    for row in page.rows:
        detail = json.dumps(row.detail, ensure_ascii=False, default=str)
        writer.writerow(
            [row.id, row.at.isoformat(), *map(_safe, (row.actor, row.action, row.subject)), detail]
        )
    return out.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
