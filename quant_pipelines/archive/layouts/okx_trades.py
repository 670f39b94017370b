"""Trades of OKX: their size counts contracts."""

from quant_pipelines.archive.layouts.contracts import in_base_units
from quant_pipelines.archive.layouts.layout import Content, Layout


def _in_base(content: Content) -> Content:
    return in_base_units(content, "quantity", exchange="okx")


LAYOUT = Layout(
    name="okx_trades",
    header=("instrument_name", "trade_id", "side", "price", "size", "created_time", "source"),
    optional=("source",),
    kinds={
        "trades": {
            "trade_id": "trade_id",
            "ts": "created_time",
            "symbol": "instrument_name",
            "price": "price",
            "quantity": "size",
        }
    },
    refine=_in_base,
    exchanges=("okx",),
)
