"""Group ``selection``: which coins are hot, why, and how risky they are."""

import math
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.market import funding_rates, open_interest
from assets.quality import data_quality
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.hotlist.factors import FACTORS
from quant_pipelines.hotlist.score import HotScore
from quant_pipelines.marketdata.scan import label_top, scan_universe

_SELECTION: dict[str, Any] = {
    "group_name": "selection",
    "owners": ["team:quant"],
    "kinds": {"python", "postgres"},
}


FACTOR = {factor.name: factor for factor in FACTORS}
HOT_SCORES, HOT_LIST = dg.AssetKey("hot_scores"), dg.AssetKey("hot_list")
_SPECS = [
    dg.AssetSpec(
        HOT_SCORES,
        deps=[data_quality, funding_rates, open_interest],
        description="Score what the filters leave of the universe: S = w1*VolJump + w2*Turnover + "
        "w3*OIDelta + w4*FundingZ + w5*RegimeShift.\n\nEach factor is a robust z across symbols, winsorized; "
        "the columns show each factor's contribution. The weight of a missing factor goes to the others, and "
        "the symbol is flagged. Indicators have no weight until a person gives them one.",
        **_SELECTION,
    ),
    dg.AssetSpec(
        HOT_LIST,
        deps=[HOT_SCORES],
        description="List the best symbols with risk labels: price band, safe leverage, mood. A person "
        "enables them.",
        **_SELECTION,
    ),
]


@dg.multi_asset(specs=_SPECS, name="hot_coins")
def hot_coins(platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult]:
    """Score, then label: one step, for a step of its own costs two more rows of events in every run."""
    settings = platform.settings.hotlist
    scan = scan_universe(platform.engine, platform.exchange, settings, platform.clock())
    scored: dict[str, Any] = {
        "symbols": len(scan.scores),
        "scores": table(_score_row(one) for one in scan.scores),
        "indicators": table(_indicator_row(one) for one in scan.scores),
        "excluded": table(one._asdict() for one in scan.excluded),
    }
    yield dg.MaterializeResult(asset_key=HOT_SCORES, metadata=scored)
    hot = label_top(platform.engine, platform.exchange, settings.top_n)
    rows = [
        {"rank": row["rank"], "symbol": row["symbol"], "score": row["score"]} | row["labels"] for row in hot
    ]
    listed = {"hottest": hot[0]["symbol"] if hot else "", "hot_list": table(rows)}
    yield dg.MaterializeResult(asset_key=HOT_LIST, metadata=listed)


def _score_row(one: HotScore) -> dict[str, Any]:
    counted = {name: term.contribution for name, term in one.factors.items() if FACTOR[name].weight}
    weighted = {name: term.contribution for name, term in one.factors.items() if term.weight}
    named = {"rank": one.rank, "symbol": one.symbol, "score": one.score}
    return named | counted | weighted | {"flags": ", ".join(one.flags)}


def _indicator_row(one: HotScore) -> dict[str, Any]:
    """Raw values of what the formula does not name; unknown where nobody knows them."""
    raw = {name: term.raw for name, term in one.factors.items() if not FACTOR[name].weight}
    known = {name: value if math.isfinite(value) else "unknown" for name, value in raw.items()}
    return {"symbol": one.symbol} | known
