"""The port through which market data arrive, and its values; no library of any exchange."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, OpenInterest, PricePoint
from quant_pipelines.core.series import Window


@dataclass(frozen=True, slots=True)
class LiveBar:
    """The 1-minute bar that is trading, as of one stream message.

    Parameters
    ----------
    symbol
        ccxt form.
    ts
        Open time, milliseconds UTC.
    open, high, low, close, volume
        State of the bar so far.
    received_ms
        When the message reached us, milliseconds UTC by our clock.
    is_final
        Whether the exchange said that the bar has closed; not all of them do.
    """

    symbol: str
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    received_ms: int
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One public trade.

    Parameters
    ----------
    symbol
        ccxt form.
    ts
        When it traded, milliseconds UTC by the exchange's clock.
    trade_id
        The exchange's name of it, unique for the symbol.
    price, quantity
        Quote per base; base units.
    is_buyer_maker
        Whether the buyer's order rested: then a taker sold.
    received_ms
        When it reached us, milliseconds UTC by our clock.
    """

    symbol: str
    ts: int
    trade_id: str
    price: float
    quantity: float
    is_buyer_maker: bool
    received_ms: int


@dataclass(frozen=True, slots=True)
class BookTop:
    """Best bid and ask: prices in quote per base, quantities in base units, times as in ``PublicTrade``."""

    symbol: str
    ts: int
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    received_ms: int


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The order book at one moment: ``(price, base quantity)`` of each level, best first."""

    symbol: str
    ts: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    received_ms: int


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """Mark price of a perpetual, and what its exchange tells beside it (None where it does not).

    Parameters
    ----------
    symbol
        ccxt form.
    ts
        Milliseconds UTC by the exchange's clock.
    mark_price, index_price
        Quote per base.
    funding_rate
        Rate announced for the next slot, fraction of notional.
    next_funding_ms
        That slot, milliseconds UTC.
    received_ms
        When it reached us, milliseconds UTC by our clock.
    """

    symbol: str
    ts: int
    mark_price: float
    index_price: float | None
    funding_rate: float | None
    next_funding_ms: int | None
    received_ms: int


class MarketSource(Protocol):
    """Market data of one exchange; every method raises from the ``ExchangeError`` tree only.

    The ``watch_*`` iterators never end: they reconnect by themselves, and what was missed meanwhile is the
    consumer's to fetch.
    """

    async def connect(self) -> None:
        """Learn what the exchange lists; every other method does it when it must."""

    async def instruments(self) -> list[Instrument]:
        """USDT contracts (or pairs, on a spot market) that are trading, by symbol."""

    async def contract_states(self, symbols: Sequence[str]) -> dict[str, ContractState]:
        """State of these contracts, at most an hour old; one that is not listed is left out."""

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Return closed bars with open times in a window, sorted; never the open bar."""

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        """Funding paid in a window, sorted."""

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        """Open interest on the 5-minute grid in a window, as far back as the exchange keeps."""

    async def server_time(self) -> int:
        """Exchange's clock, milliseconds UTC."""

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        """Mark price at the open of each bar in a window, sorted."""

    async def index_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        """Index price at the open of each bar in a window, sorted."""

    async def trades(self, symbol: str, window: Window) -> list[PublicTrade]:
        """Public trades in a window, oldest first, as far back as the exchange tells."""

    async def book(self, symbol: str, depth: int) -> BookSnapshot:
        """Order book of at most ``depth`` levels a side, as it is now."""

    def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        """Yield updates of the open 1-minute bars."""

    def watch_trades(self, symbols: Sequence[str]) -> AsyncIterator[PublicTrade]:
        """Yield public trades."""

    def watch_book_tops(self, symbols: Sequence[str]) -> AsyncIterator[BookTop]:
        """Yield best bid and ask whenever they change."""

    def watch_marks(self, symbols: Sequence[str]) -> AsyncIterator[MarkPrice]:
        """Yield mark prices."""

    async def close(self) -> None:
        """Free connections."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...


def empty_rows() -> BarRows:
    """No bars."""
    nothing, no_integers = np.empty(0), np.empty(0, np.int64)
    return BarRows(no_integers, nothing, nothing, nothing, nothing, nothing, nothing, no_integers)
