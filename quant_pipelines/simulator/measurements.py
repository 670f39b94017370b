"""``/futures/data``: measurements on a grid of at least five minutes, kept for thirty days."""

from collections.abc import Callable, Iterator
from typing import Any

from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.simulator.intervals import INTERVALS, Interval, bars_between
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import Crowd
from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.seconds import TAKER_VOLUME, VOLUME
from quant_pipelines.simulator.tickers import text_of

_DAYS = 30  # the venue keeps no more
_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
Rows = list[dict[str, Any]]


def open_interest_history(asked: Question) -> Rows:
    """Body of ``GET /futures/data/openInterestHist``."""
    listing = asked.query.listing(asked.market.listings)
    period, first, last, limit = _page(asked)
    times = asked.derivatives.interest_times(listing, first, last, period.grid_ms)
    return [_interest_row(asked, listing, ts) for ts in times[:limit]]


def _interest_row(asked: Question, listing: Listing, ts: int) -> dict[str, Any]:
    interest = asked.derivatives.open_interest(listing, ts) or 0.0
    price = asked.market.minute_price(listing.name, ts)
    return {
        "symbol": listing.name,
        "sumOpenInterest": f"{interest:.8f}",
        "sumOpenInterestValue": text_of(None if price is None else interest * price),
        "timestamp": ts,
    }


def taker_volumes(asked: Question) -> Rows:
    """Body of ``GET /futures/data/takerlongshortRatio``: what takers bought and sold in each bar."""
    listing = asked.query.listing(asked.market.listings)
    period, first, last, limit = _page(asked)
    ts, rows = bars_between(
        asked.market, listing.name, period, opens=Window(first, last + 1), now_ms=asked.now_ms
    )
    found = []
    for opened, row in zip(ts.tolist()[:limit], rows, strict=False):
        bought, sold = float(row[TAKER_VOLUME]), float(row[VOLUME] - row[TAKER_VOLUME])
        if bought <= 0 or sold <= 0:
            continue
        found.append(
            {
                "buySellRatio": f"{bought / sold:.4f}",
                "buyVol": f"{bought:.{listing.quantity_decimals}f}",
                "sellVol": f"{sold:.{listing.quantity_decimals}f}",
                "timestamp": opened,
            }
        )
    return found


def basis(asked: Question) -> Rows:
    """Body of ``GET /futures/data/basis``; a perpetual has no basis a year."""
    if asked.query.text("contractType") != "PERPETUAL":
        raise VenueError(-4104, "Invalid contract type.")
    listing = asked.query.renamed("pair", "symbol").listing(asked.market.listings)
    found = []
    for ts in _times(asked):
        price = asked.market.minute_price(listing.name, ts)
        index = asked.derivatives.index_price(listing, ts)
        if price is None or index is None:
            continue
        found.append(
            {
                "indexPrice": text_of(index),
                "contractType": "PERPETUAL",
                "basisRate": f"{price / index - 1:.4f}",
                "futuresPrice": f"{price:.{listing.price_decimals}f}",
                "annualizedBasisRate": "",
                "basis": text_of(price - index),
                "pair": listing.name,
                "timestamp": ts,
            }
        )
    return found


def _long_short_ratios(crowd: Crowd) -> Callable[[Question], Rows]:
    def ratios(asked: Question) -> Rows:
        listing = asked.query.listing(asked.market.listings)
        shares = ((ts, asked.derivatives.long_share(listing, ts, crowd)) for ts in _times(asked))
        return [
            {
                "symbol": listing.name,
                "longShortRatio": f"{share / (1 - share):.4f}",
                "longAccount": f"{share:.4f}",
                "shortAccount": f"{1 - share:.4f}",
                "timestamp": ts,
            }
            for ts, share in shares
            if share is not None
        ]

    return ratios


def _times(asked: Question) -> Iterator[int]:
    period, first, last, limit = _page(asked)
    yield from range(period.ceil(max(first, asked.market.first_ms)), last + 1, period.grid_ms)[:limit]


def _page(asked: Question) -> tuple[Interval, int, int, int]:
    if asked.query.text("period") not in _PERIODS:
        raise VenueError(-1120, "Invalid period.")
    period, limit = INTERVALS[asked.query.text("period")], asked.query.limit(30, 500)
    first, last = asked.query.span(period, limit=limit, now_ms=asked.now_ms)
    if first < asked.now_ms - _DAYS * DAY_MS and "startTime" in asked.query.values:
        raise VenueError(-1130, "parameter 'startTime' is invalid.")
    return period, max(first, asked.now_ms - _DAYS * DAY_MS), last, limit


STATISTICS: dict[str, Callable[[Question], Rows]] = {
    "openInterestHist": open_interest_history,
    "takerlongshortRatio": taker_volumes,
    "basis": basis,
    "globalLongShortAccountRatio": _long_short_ratios("accounts"),
    "topLongShortAccountRatio": _long_short_ratios("top accounts"),
    "topLongShortPositionRatio": _long_short_ratios("top positions"),
}
"""What answers, by the last part of the path."""
