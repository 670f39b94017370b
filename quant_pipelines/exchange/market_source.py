"""The port through which market data arrive, and its values; no library of any exchange."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.instruments import Instrument


@dataclass(frozen=True, slots=True)
class FundingRate:
    """One funding payment.

    Parameters
    ----------
    ts
        Slot of the payment (the exchange's stamp floored to its hour), milliseconds UTC.
    rate
        Fraction of notional; positive when longs pay.
    mark_price
        Mark price that it was paid on; None where the exchange does not say.
    """

    ts: int
    rate: float
    mark_price: float | None


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open contracts in base units at ``ts`` (milliseconds UTC, 5-minute grid)."""

    ts: int
    open_interest: float


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
    """

    symbol: str
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    received_ms: int


class MarketSource(Protocol):
    """Market data of one exchange; every method raises from the ``ExchangeError`` tree only."""

    async def instruments(self) -> list[Instrument]:
        """Linear USDT perpetuals that are trading, by symbol."""

    async def bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> BarRows:
        """Return closed bars with open times in ``[start_ms, end_ms)``, sorted; never the open bar."""

    async def funding_rates(self, symbol: str, start_ms: int, end_ms: int) -> list[FundingRate]:
        """Funding paid in ``[start_ms, end_ms)``, sorted."""

    async def open_interest(self, symbol: str, start_ms: int, end_ms: int) -> list[OpenInterest]:
        """Open interest on the 5-minute grid in ``[start_ms, end_ms)``, as far back as the exchange keeps."""

    async def server_time(self) -> int:
        """Exchange's clock, milliseconds UTC."""

    def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        """Yield updates of the open 1-minute bars, for ever; reconnects by itself."""

    async def close(self) -> None:
        """Free connections."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...


def empty_rows() -> BarRows:
    """No bars."""
    nothing, no_integers = np.empty(0), np.empty(0, np.int64)
    return BarRows(no_integers, nothing, nothing, nothing, nothing, nothing, nothing, no_integers)
