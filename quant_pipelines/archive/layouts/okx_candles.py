"""Bars of OKX, of its archive and its API: ``vol`` counts contracts, ``vol_ccy`` a swap's base coin."""

from dataclasses import replace

import numpy as np

from quant_pipelines.archive.layouts.layout import Content, Layout
from quant_pipelines.archive.preview import Preview

_KINDS = {
    "bars": {
        "ts": "open_time",
        "symbol": "instrument_name",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "volume": "vol_ccy",
        "counted": "vol",
        "quote_volume": "vol_quote",
        "confirm": "confirm",
    }
}


def _closed_in_base(content: Content) -> Content:
    columns = content.columns
    if np.array_equal(columns["volume"], columns["quote_volume"]):  # a pair: vol_ccy counts its quote coin
        content = content.with_columns(volume=columns["counted"])
    is_open = columns["confirm"] == 0 if "confirm" in columns else np.zeros(content.ts.size, dtype=bool)
    if not is_open.any():
        return content
    rows = content.origin.row(int(np.argmax(is_open)))
    note = f"{int(is_open.sum())} open bar left out ({rows}: confirm is 0)"
    kept = content.taken(~is_open)
    return replace(kept, notes=(*kept.notes, note))


def _is_answer(preview: Preview) -> bool:
    return preview.form == "JSON" and preview.width == 9


LAYOUT = Layout(
    name="okx_candles",
    header=(
        "instrument_name",
        "open",
        "high",
        "low",
        "close",
        "vol",
        "vol_ccy",
        "vol_quote",
        "open_time",
        "confirm",
    ),
    optional=("instrument_name", "confirm"),
    kinds=_KINDS,
    refine=_closed_in_base,
    exchanges=("okx",),
)

API_LAYOUT = Layout(
    name="okx_api_candles",
    header=("ts", "o", "h", "l", "c", "vol", "volccy", "volccyquote", "confirm"),
    kinds={
        "bars": {
            "ts": "ts",
            "open": "o",
            "high": "h",
            "low": "l",
            "close": "c",
            "volume": "volccy",
            "counted": "vol",
            "quote_volume": "volccyquote",
            "confirm": "confirm",
        }
    },
    is_headerless=_is_answer,
    refine=_closed_in_base,
    exchanges=("okx",),
)
