"""One step of the played market: what the venue does when time passes and prices move.

Within one moment: funding on what is held, liquidation on mark, expiry and dead-man switches, orders in the
book, conditional orders. One step is one transaction: after a crash it has happened as a whole or not at
all, and playing on from ``ledger.played_ms`` yields the same books as if there had been no crash.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.simulator.venue.booking import book_funding
from quant_pipelines.simulator.venue.conditional import follow
from quant_pipelines.simulator.venue.liquidation import liquidate_what_must, warn_what_is_close
from quant_pipelines.simulator.venue.matching import close, trade_through
from quant_pipelines.simulator.venue.messages import tell_account
from quant_pipelines.simulator.venue.state import Quote, Venue


class FundingRate(NamedTuple):
    """One symbol's funding slot: fraction of notional that longs pay, and the mark price that counts."""

    rate: Decimal
    mark: Decimal


def play(
    venue: Venue, ts_ms: int, quotes: Mapping[str, Quote], funding: Mapping[str, FundingRate] | None = None
) -> None:
    """Play one moment.

    Parameters
    ----------
    venue
        The venue.
    ts_ms
        Market time; a moment that was played already is left out.
    quotes
        New prices, by symbol.
    funding
        Funding that is due at this moment, by symbol.

    Raises
    ------
    VenueError
        -1000 if the ledger can't be written; the moment has not happened then and can be played again.
    """
    if ts_ms <= venue.ledger.played_ms:
        return
    with venue.ledger.transaction():
        venue.now_ms = ts_ms
        for symbol, quote in quotes.items():
            venue.set_quote(symbol, quote)
        for symbol, due in (funding or {}).items():
            if book_funding(venue.ledger, symbol, rate=due.rate, mark=due.mark, ts_ms=ts_ms):
                tell_account(venue, "FUNDING_FEE", symbol, ts_ms=ts_ms)
        liquidate_what_must(venue)
        expire_until(venue, ts_ms)
        for symbol in quotes:
            trade_through(venue, symbol)
            follow(venue, symbol)
        warn_what_is_close(venue)
        venue.ledger.played_ms = ts_ms


def expire_until(venue: Venue, now_ms: int) -> None:
    """End orders whose good-till date has passed, and cancel where a dead-man switch has run out."""
    ledger = venue.ledger
    for order in list(ledger.orders.values()):
        if 0 < order.good_till_ms <= now_ms:
            close(venue, order, "EXPIRED")
    for countdown in list(ledger.countdowns.values()):
        if countdown.deadline_ms <= now_ms:
            for order in [order for order in ledger.orders.values() if order.symbol == countdown.symbol]:
                close(venue, order, "CANCELED")
            ledger.drop_countdown(countdown)
