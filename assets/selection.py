"""Group ``selection``: which coins are hot, why, and how risky they are."""

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


@dg.asset(deps=[data_quality, funding_rates, open_interest], **_SELECTION)
def hot_scores(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Score every symbol: S = w1*VolJump + w2*Turnover + w3*OIDelta + w4*FundingZ + w5*RegimeShift.

    Each factor is a robust z across symbols, winsorized; the columns show each factor's contribution. The
    weight of a missing factor goes to the others, and the symbol is flagged.
    """
    settings = platform.settings.hotlist
    scores = scan_universe(platform.engine, platform.exchange, settings, platform.clock())
    rows = [
        {"rank": one.rank, "symbol": one.symbol, "score": one.score}
        | {name: one.factors[name].contribution for name in FACTORS}
        | {"flags": ", ".join(one.flags)}
        for one in scores
    ]
    return dg.MaterializeResult(metadata={"symbols": len(scores), "scores": table(rows)})


@dg.asset(deps=[hot_scores], **_SELECTION)
def hot_list(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """List the best symbols with risk labels: price band, safe leverage, mood. A person enables them."""
    hot = label_top(platform.engine, platform.exchange, platform.settings.hotlist.top_n)
    rows = [
        {"rank": row["rank"], "symbol": row["symbol"], "score": row["score"]} | row["labels"] for row in hot
    ]
    metadata = {"hottest": hot[0]["symbol"] if hot else "", "hot_list": table(rows)}
    return dg.MaterializeResult(metadata=metadata)
