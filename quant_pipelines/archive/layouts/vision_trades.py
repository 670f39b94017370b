"""Trades as Binance publishes them; those of pairs have one more column, and no header."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.layouts.vision_klines import EXCHANGES
from quant_pipelines.archive.preview import Preview

_NAME = re.compile(r"(?P<symbol>[^-]+)-(?:aggT|t)rades")
_TRUTHS = ("true", "false")


def names_symbol(preview: Preview) -> Statement:
    """Symbol of a name such as ``BTCUSDT-trades-2024-06-01.zip``."""
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"]) if match else Statement()


def _is_headerless(preview: Preview) -> bool:
    first = preview.rows[0]
    return len(first) == 7 and first[5].lower() in _TRUTHS and first[6].lower() in _TRUTHS


LAYOUT = Layout(
    name="vision_trades",
    header=("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
    optional=("is_best_match",),
    kinds={"trades": {"trade_id": "id", "ts": "time", "price": "price", "quantity": "qty"}},
    is_headerless=_is_headerless,
    states=names_symbol,
    exchanges=EXCHANGES,
)
