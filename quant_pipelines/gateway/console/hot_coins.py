"""Coins of the newest scan with what their scores are made of, whom filters left out, and what is traded."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.services import Services


def read_hot_coins(services: Services, _: Mapping[str, str]) -> dict[str, Any]:
    """Read the newest scan."""
    hot = reading_routes.hotlist(services)
    weighed, watched = split_factors([row.factors for row in hot.rows])
    return {
        "as_of": hot.as_of,
        "row_version": hot.row_version,
        "coins": hot.rows,
        "weighed": weighed,
        "watched": watched,
        "scored_at": max((row.scored_at for row in hot.rows), default=None),
        "excluded": hot.excluded,
        "weights": hot.weights,
        "whitelist": hot.whitelist,
    }


class FactorNames(NamedTuple):
    """Factors that scores are made of, heaviest first, and those that are only watched."""

    weighed: list[str]
    watched: list[str]


def split_factors(coins: Sequence[Mapping[str, Any]]) -> FactorNames:
    """Part the factors of a scan by whether they weigh anything for any coin; pure."""
    weights: dict[str, float] = {}
    for factors in coins:
        for name, one in factors.items():
            # What has no weight of its own is part of the score.
            weight = abs(one["weight"]) if isinstance(one, Mapping) else 1.0
            weights[name] = max(weight, weights.get(name, 0.0))
    weighed = sorted((name for name in weights if weights[name] > 0.0), key=lambda name: -weights[name])
    return FactorNames(weighed, [name for name in weights if weights[name] == 0.0])
