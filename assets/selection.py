"""Group ``selection``: which coins are hot, why, and how risky they are."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.market import funding_rates, open_interest
from assets.quality import data_quality
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.hotlist.factors import FACTORS
from quant_pipelines.marketdata.scan import label_top, scan_universe

_SELECTION: dict[str, Any] = {
    "group_name": "selection",
    "owners": ["team:quant"],
    "kinds": {"python", "postgres"},
}


HOT_SCORES, HOT_LIST = dg.AssetKey("hot_scores"), dg.AssetKey("hot_list")
_SPECS = [
    dg.AssetSpec(
        HOT_SCORES,
        deps=[data_quality, funding_rates, open_interest],
        description="Score every symbol: S = w1*VolJump + w2*Turnover + w3*OIDelta + w4*FundingZ + "
        "w5*RegimeShift.\n\nEach factor is a robust z across symbols, winsorized; the columns show each "
        "factor's contribution. The weight of a missing factor goes to the others, and the symbol is "
        "flagged.",
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
    scores = scan_universe(platform.engine, platform.exchange, settings, platform.clock())
    scored: dict[str, Any] = {"symbols": len(scores), "scores": table(_score_row(one) for one in scores)}
    yield dg.MaterializeResult(asset_key=HOT_SCORES, metadata=scored)
    hot = label_top(platform.engine, platform.exchange, settings.top_n)
    rows = [
        {"rank": row["rank"], "symbol": row["symbol"], "score": row["score"]} | row["labels"] for row in hot
    ]
    listed = {"hottest": hot[0]["symbol"] if hot else "", "hot_list": table(rows)}
    yield dg.MaterializeResult(asset_key=HOT_LIST, metadata=listed)


def _score_row(one: Any) -> dict[str, Any]:
    contributions = {name: one.factors[name].contribution for name in FACTORS}
    named = {"rank": one.rank, "symbol": one.symbol, "score": one.score}
    return named | contributions | {"flags": ", ".join(one.flags)}
