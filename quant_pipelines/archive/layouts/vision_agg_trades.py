"""Aggregated trades as Binance publishes them; those of pairs have one more column, and no header."""

from dataclasses import replace

from quant_pipelines.archive.layouts.layout import Content, Layout
from quant_pipelines.archive.layouts.vision_klines import EXCHANGES
from quant_pipelines.archive.layouts.vision_trades import names_symbol
from quant_pipelines.archive.preview import Preview


def _is_headerless(preview: Preview) -> bool:
    first = preview.rows[0]
    return len(first) == 8 and {first[6].lower(), first[7].lower()} <= {"true", "false"}


def _with_warning(content: Content) -> Content:
    note = (
        "bars of aggregated trades differ from the exchange's own: liquidations by its fund are not in them"
    )
    return replace(content, notes=(*content.notes, note))


LAYOUT = Layout(
    name="vision_agg_trades",
    header=(
        "agg_trade_id",
        "price",
        "quantity",
        "first_trade_id",
        "last_trade_id",
        "transact_time",
        "is_buyer_maker",
        "is_best_match",
    ),
    optional=("is_best_match",),
    kinds={
        "trades": {
            "trade_id": "agg_trade_id",
            "ts": "transact_time",
            "price": "price",
            "quantity": "quantity",
        }
    },
    is_headerless=_is_headerless,
    states=names_symbol,
    refine=_with_warning,
    exchanges=EXCHANGES,
)
