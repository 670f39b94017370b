"""Trades as Tardis publishes them, in the order in which they arrived."""

from quant_pipelines.archive.layouts.layout import Layout

LAYOUT = Layout(
    name="tardis_trades",
    header=("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"),
    kinds={
        "trades": {
            "trade_id": "id",
            "ts": "timestamp",
            "exchange": "exchange",
            "symbol": "symbol",
            "price": "price",
            "quantity": "amount",
        }
    },
    is_unordered=True,
)
