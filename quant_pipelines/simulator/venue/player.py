"""Plays the market to the venue second by second, and catches up after a stop: an exchange never stopped."""

from typing import Protocol

from quant_pipelines.simulator.venue.play import DueFunding, play
from quant_pipelines.simulator.venue.state import MarketDepth, Quote, Venue

_SECOND_MS = 1000
_NOTE_EVERY_MS = 60_000


class PlayedMarket(Protocol):
    """What the venue wants to know of the market."""

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        """Prices in a second, and what traded in it."""

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        """Book in a second."""

    def funding(self, symbol: str, ts_ms: int) -> DueFunding | None:
        """Funding that is due at exactly this moment."""


class Player:
    """Clockwork of the venue.

    Parameters
    ----------
    venue
        What is played to.
    market
        What is played.
    """

    def __init__(self, venue: Venue, market: PlayedMarket) -> None:
        self._venue = venue
        self._market = market
        self._noted_ms = 0

    def advance(self, now_ms: int) -> None:
        """Play every second up to now.

        Seconds in which nothing was held or open are skipped: nothing can have happened in them.

        Raises
        ------
        VenueError
            -1000 if the ledger can't be written; the seconds are played at the next call.
        """
        ledger, last = self._venue.ledger, now_ms // _SECOND_MS * _SECOND_MS
        if ledger.played_ms >= last:
            self._show(last)
            return
        while ledger.played_ms < last:
            busy = self._busy()
            if not busy or not ledger.played_ms:
                self._play(last, set(self._venue.contracts))
            else:
                ts_ms = (ledger.played_ms // _SECOND_MS + 1) * _SECOND_MS
                self._play(ts_ms, set(self._venue.contracts) if ts_ms == last else busy)
        if self._busy() and last - self._noted_ms >= _NOTE_EVERY_MS:
            self._noted_ms = last
            self.note()

    def note(self) -> None:
        """Write down how far was played, so that a restart has less to catch up."""
        with self._venue.ledger.transaction():
            self._venue.ledger.put(self._venue.ledger.account)

    def _play(self, ts_ms: int, symbols: set[str]) -> None:
        ordered = sorted(symbols)
        quotes = {symbol: self._market.quote(symbol, ts_ms) for symbol in ordered}
        due = {symbol: self._market.funding(symbol, ts_ms) for symbol in ordered}
        play(self._venue, ts_ms, quotes, {symbol: rate for symbol, rate in due.items() if rate is not None})

    def _show(self, ts_ms: int) -> None:
        """Look up the prices of a second that was played before the venue was restarted."""
        for symbol in self._venue.contracts.keys() - self._venue.quotes.keys():
            self._venue.set_quote(symbol, self._market.quote(symbol, ts_ms))

    def _busy(self) -> set[str]:
        ledger = self._venue.ledger
        held = {position.symbol for position in ledger.positions.values() if position.quantity}
        ordered = {order.symbol for order in ledger.orders.values()}
        guarded = {algo.symbol for algo in ledger.algos.values()}
        return held | ordered | guarded | set(ledger.countdowns)
