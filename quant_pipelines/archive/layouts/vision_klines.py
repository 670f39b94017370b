"""Bars as Binance publishes them: twelve columns, with or without a header, milliseconds or microseconds."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

EXCHANGES = ("binanceusdm", "binance")
_NAME = re.compile(r"(?P<symbol>[^-]+)-(?P<step>\d+(?:mo|[smhdwM]))(?=[-_.])")


_PRICES = {
    "markPriceKlines": "mark prices",
    "indexPriceKlines": "index prices",
    "premiumIndexKlines": "premiums",
}
"""Folders of files that have the same columns and names."""


def _states(preview: Preview) -> Statement:
    """Symbol and step of a name such as ``BTCUSDT-1h-2024-06.zip``, and what its folder is for."""
    kind = next((held for folder, held in _PRICES.items() if folder in preview.path.parts), "")
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"], match["step"], kind=kind) if match else Statement(kind=kind)


def _is_headerless(preview: Preview) -> bool:
    first = preview.rows[0]
    return len(first) == 12 and first[0].isdigit() and first[6].isdigit()


LAYOUT = Layout(
    name="vision_klines",
    header=(
        "open_time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "close_time",
        "quote_volume",
        "count",
        "taker_buy_volume",
        "taker_buy_quote_volume",
        "ignore",
    ),
    kinds={
        "bars": {
            "ts": "open_time",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume",
            "close_time": "close_time",
            "quote_volume": "quote_volume",
            "trades": "count",
        }
    },
    is_headerless=_is_headerless,
    states=_states,
    exchanges=EXCHANGES,
)
