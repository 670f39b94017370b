"""``priceMatch``: a limit price that the venue takes from the book instead of the request."""

from decimal import Decimal

from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.records import BUY
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.state import Venue

NO_MATCH = "NONE"
_RANKS = {
    f"{side}{suffix}": (side == "OPPONENT", rank)
    for side in ("OPPONENT", "QUEUE")
    for suffix, rank in (("", 1), ("_5", 5), ("_10", 10), ("_20", 20))
}


def price_match_of(query: Query, kind: str) -> str:
    """Return the checked ``priceMatch`` of a request, ``NONE`` when none was sent.

    Raises
    ------
    VenueError
        -5037 for an unknown one, -5038 where the order has no limit price, -1106 beside a price.
    """
    match = query.values.get("priceMatch") or NO_MATCH
    if match == NO_MATCH:
        return match
    if match not in _RANKS:
        raise refusal("price_match")
    if kind not in ("LIMIT", "STOP", "TAKE_PROFIT"):
        raise refusal("price_match_type")
    if query.values.get("price"):
        raise refusal("not_required", "price")
    return match


def matched_price(venue: Venue, symbol: str, side: str, match: str) -> Decimal:
    """Price of a rank of the book: of the other side (``OPPONENT``), or of the order's own (``QUEUE``).

    Raises
    ------
    VenueError
        -5041 if the book has no such rank.
    """
    meets_other, rank = _RANKS[match]
    depth = venue.depth(symbol, venue.quote(symbol).ts_ms)
    levels = depth.asks if (side == BUY) == meets_other else depth.bids
    if len(levels) < rank:
        raise refusal("no_depth")
    return levels[rank - 1][0]
