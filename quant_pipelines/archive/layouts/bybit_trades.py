"""Trades of Bybit: of contracts with seconds that have decimals, of pairs with a header that lacks a name."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

_PAIR_COLUMNS = ("id", "timestamp", "price", "volume", "side", "rpi")
_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+?)[-_]?\d{4}-\d{2}")


def _names_symbol(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"]) if match else Statement()


def _every_name(preview: Preview) -> tuple[str, ...]:
    """Monthly files have a sixth cell in each row and five names above."""
    columns = preview.columns
    return (*columns, "rpi") if len(columns) == 5 and preview.width == 6 else columns


PAIR_LAYOUT = Layout(
    name="bybit_spot_trades",
    header=_PAIR_COLUMNS,
    optional=("rpi",),
    kinds={"trades": {"trade_id": "id", "ts": "timestamp", "price": "price", "quantity": "volume"}},
    names=_every_name,
    states=_names_symbol,
    exchanges=("bybit",),
    is_unordered=True,
)

LAYOUT = Layout(
    name="bybit_trades",
    header=(
        "timestamp",
        "symbol",
        "side",
        "size",
        "price",
        "tickdirection",
        "trdmatchid",
        "grossvalue",
        "homenotional",
        "foreignnotional",
        "rpi",
    ),
    optional=("tickdirection", "trdmatchid", "grossvalue", "homenotional", "foreignnotional", "rpi"),
    kinds={
        "trades": {
            "trade_id": "trdmatchid",
            "ts": "timestamp",
            "symbol": "symbol",
            "price": "price",
            "quantity": "size",
        }
    },
    exchanges=("bybit",),
    is_unordered=True,
)
