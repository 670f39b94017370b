"""What bars are asked for: which series, and which part of it."""

from datetime import date
from typing import NamedTuple

from quant_pipelines.core.timeframes import from_ms


class Series(NamedTuple):
    """Bars of one symbol at one exchange.

    Parameters
    ----------
    exchange, symbol
        ccxt id and ccxt form, such as ``binanceusdm`` and ``BTC/USDT:USDT``.
    timeframe
        Such as ``1m``.
    """

    exchange: str
    symbol: str
    timeframe: str


class Days(NamedTuple):
    """UTC days from the first to the last, both included."""

    first: date
    last: date


class Window(NamedTuple):
    """Times in ``[start_ms, end_ms)``, milliseconds UTC."""

    start_ms: int
    end_ms: int

    @property
    def days(self) -> Days:
        """Days that it touches."""
        return Days(from_ms(self.start_ms).date(), from_ms(self.end_ms - 1).date())
