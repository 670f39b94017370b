"""Trades as the venue prints them: one aggregate for each second in which something traded."""

from decimal import Decimal
from typing import Any

from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.question import Question

_SECOND_MS = 1000
_LONGEST_LOOK = 10
"""Seconds that are looked at for each trade that is asked for."""


def aggregate_of(market: MarketPort, listing: Listing, at_ms: int) -> dict[str, Any] | None:
    """Trade of the second that ``at_ms`` lies in; None if nothing traded. Its id is the second's number."""
    number = at_ms // _SECOND_MS
    second = market.second(listing.name, number * _SECOND_MS)
    if second.quantity <= 0:
        return None
    return {
        "a": number,
        "p": f"{second.price:.{listing.price_decimals}f}",
        "q": f"{second.quantity:.{listing.quantity_decimals}f}",
        "f": number,
        "l": number,
        "T": number * _SECOND_MS,
        "m": second.taker_share <= 0.5,
    }


def aggregate_rows(asked: Question) -> list[dict[str, Any]]:
    """Body of ``GET /fapi/v1/aggTrades``: from an id or a time on, else the newest; never beyond now."""
    limit = asked.query.limit(500, 1000)
    first, last = _numbers(asked.query, asked.now_ms)
    return _newest(asked, last, limit) if first is None else _since(asked, first, last, limit)


def trade_rows(asked: Question) -> list[dict[str, Any]]:
    """Body of ``GET /fapi/v1/trades``: the newest."""
    limit = asked.query.limit(500, 1000)
    return [_trade_row(row) for row in _newest(asked, asked.now_ms // _SECOND_MS, limit)]


def old_trade_rows(asked: Question) -> list[dict[str, Any]]:
    """Body of ``GET /fapi/v1/historicalTrades``: from ``fromId`` on, else the newest."""
    limit, newest = asked.query.limit(100, 500), asked.now_ms // _SECOND_MS
    if not asked.query.values.get("fromId"):
        return [_trade_row(row) for row in _newest(asked, newest, limit)]
    return [_trade_row(row) for row in _since(asked, asked.query.integer("fromId", 0), newest, limit)]


def _trade_row(aggregate: dict[str, Any]) -> dict[str, Any]:
    """One second's trade, as the trade that it sums up."""
    return {
        "id": aggregate["a"],
        "price": aggregate["p"],
        "qty": aggregate["q"],
        "quoteQty": f"{Decimal(aggregate['p']) * Decimal(aggregate['q']):.2f}",
        "time": aggregate["T"],
        "isBuyerMaker": aggregate["m"],
        "isRPITrade": False,
    }


def _newest(asked: Question, last: int, limit: int) -> list[dict[str, Any]]:
    """Newest ``limit`` trades up to a second, oldest first; there are fewer where hardly anything trades."""
    first = max(last - _LONGEST_LOOK * limit, _first_second(asked))
    return _page(asked, range(last, first - 1, -1), limit)[::-1]


def _since(asked: Question, first: int, last: int, limit: int) -> list[dict[str, Any]]:
    """First ``limit`` trades of the seconds from ``first`` to ``last``."""
    return _page(asked, range(max(first, _first_second(asked)), last + 1), limit)


def _first_second(asked: Question) -> int:
    return -(-asked.market.first_ms // _SECOND_MS)


def _page(asked: Question, numbers: range, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` trades of these seconds, in their order."""
    market, listing = asked.market, asked.query.listing(asked.market.listings)
    rows: list[dict[str, Any]] = []
    if not market.is_trading(listing.name, asked.now_ms):
        return rows
    for number in numbers:
        row = aggregate_of(market, listing, number * _SECOND_MS)
        if row is not None:
            rows.append(row)
        if len(rows) == limit:
            break
    return rows


def _numbers(query: Query, now_ms: int) -> tuple[int | None, int]:
    """Seconds that are asked for; without a first one the newest up to the last."""
    newest = now_ms // _SECOND_MS
    if query.values.get("fromId"):
        return query.integer("fromId", 0), newest
    end = query.integer("endTime", now_ms)
    if not query.values.get("startTime"):
        return None, min(end // _SECOND_MS, newest)
    start = query.integer("startTime", 0)
    if query.values.get("endTime") and end - start > HOUR_MS:
        raise VenueError(-1127, "More than 1 hours between startTime and endTime.")
    return -(-start // _SECOND_MS), min(end // _SECOND_MS, newest)
