"""Bars of Bybit's API, newest first: as objects with names, and as its arrays."""

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

_COLUMNS = ("starttime", "openprice", "highprice", "lowprice", "closeprice", "volume", "turnover")


def _is_answer(preview: Preview) -> bool:
    # Arrays of other exchanges are as wide; only this one names the symbol around them.
    return preview.form == "JSON" and preview.width == len(_COLUMNS) and "symbol" in preview.metadata


def _states(preview: Preview) -> Statement:
    symbol = preview.metadata.get("symbol", "")
    return Statement(symbol or "", preview.metadata.get("interval", ""))


LAYOUT = Layout(
    name="bybit_klines",
    header=_COLUMNS,
    kinds={
        "bars": {
            "ts": "starttime",
            "open": "openprice",
            "high": "highprice",
            "low": "lowprice",
            "close": "closeprice",
            "volume": "volume",
            "quote_volume": "turnover",
        }
    },
    is_headerless=_is_answer,
    states=_states,
    exchanges=("bybit",),
)
