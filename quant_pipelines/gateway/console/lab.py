"""Searches and their verdicts: what was tried, what each gate said, and a new search."""

from collections.abc import Mapping
from typing import Any

from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.services import Services

_WALKS = 50


def read_lab(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read walk-forwards, newest first; of one strategy or symbol where that is asked."""
    strategy, symbol = asked.get("strategy") or None, asked.get("symbol") or None
    walks = reading_routes.verdicts(services, strategy=strategy, symbol=symbol, limit=_WALKS)
    return {
        "as_of": walks.as_of,
        "row_version": walks.row_version,
        "walks": walks.rows,
        "strategy": strategy or "",
        "symbol": symbol or "",
        "files": reading_routes.strategies(services).rows,
    }


def read_verdict(services: Services, verdict_id: int) -> dict[str, Any]:
    """Read one verdict with its gates."""
    page = reading_routes.verdict(services, verdict_id)
    return {"as_of": page.as_of, "row_version": page.row_version, "row": page.rows[0]}
