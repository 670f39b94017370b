"""Bars of Hyperliquid's API: one letter a column, ``t`` the open and ``T`` the close."""

from quant_pipelines.archive.layouts.layout import Layout

LAYOUT = Layout(
    name="hyperliquid_candles",
    header=("t", "T", "s", "i", "o", "c", "h", "l", "v", "n"),
    optional=("n",),
    kinds={
        "bars": {
            "ts": "t",
            "close_time": "T",
            "symbol": "s",
            "interval": "i",
            "open": "o",
            "close": "c",
            "high": "h",
            "low": "l",
            "volume": "v",
            "trades": "n",
        }
    },
    exchanges=("hyperliquid",),
)
