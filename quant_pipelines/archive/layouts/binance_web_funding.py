"""Funding that Binance's website exports: percent, newest first, in the zone of the browser."""

from quant_pipelines.archive.layouts.layout import Layout
from quant_pipelines.archive.layouts.vision_klines import EXCHANGES

LAYOUT = Layout(
    name="binance_web_funding",
    header=("time", "contracts", "funding_interval", "funding_rate"),
    kinds={
        "funding": {"ts": "time", "symbol": "contracts", "slot": "funding_interval", "rate": "funding_rate"}
    },
    exchanges=EXCHANGES,
    has_any_zone=True,
)
