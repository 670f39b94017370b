"""Closed bars as the exchange reports and the database stores them."""

from dataclasses import dataclass

from quant_pipelines.core.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class BarRows:
    """Closed bars of one symbol and one timeframe as the exchange reports and the database stores them.

    Parameters
    ----------
    ts
        Open times, milliseconds UTC. ndarray of shape (n_bars,), int64.
    open, high, low, close
        Prices in quote per base. ndarray of shape (n_bars,), float64.
    volume, quote_volume
        Traded quantity in base and in quote. ndarray of shape (n_bars,), float64.
    trades
        Number of trades. ndarray of shape (n_bars,), int64.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    quote_volume: FloatArray
    trades: IntArray

    def __len__(self) -> int:
        return int(self.ts.size)
