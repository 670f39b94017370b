"""Coins of the newest scan with what their scores are made of, whom filters left out, and what is traded."""

from collections.abc import Mapping
from typing import Any

from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.services import Services


def read_hot_coins(services: Services, _: Mapping[str, str]) -> dict[str, Any]:
    """Read the newest scan."""
    hot = reading_routes.hotlist(services)
    names = list(dict.fromkeys(name for row in hot.rows for name in row.factors))
    return {
        "as_of": hot.as_of,
        "row_version": hot.row_version,
        "coins": hot.rows,
        "factors": names,
        "scored_at": max((row.scored_at for row in hot.rows), default=None),
        "excluded": hot.excluded,
        "weights": hot.weights,
        "whitelist": hot.whitelist,
    }
