"""Bars of Gate: its archive has no header and stands as close, high, low, open; volumes count contracts."""

import re

from quant_pipelines.archive.layouts.contracts import in_base_units
from quant_pipelines.archive.layouts.layout import Content, Layout, Statement
from quant_pipelines.archive.preview import Preview

_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+_[A-Z]+)-\d{6}")


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"]) if match else Statement()


def _in_base(content: Content) -> Content:
    return in_base_units(content, "volume", exchange="gate")


LAYOUT = Layout(
    name="gate",  # nothing in the file shows it: it has to be stated
    header=("time", "size", "close", "high", "low", "open"),
    kinds={
        "bars": {
            "ts": "time",
            "volume": "size",
            "close": "close",
            "high": "high",
            "low": "low",
            "open": "open",
        }
    },
    is_of=lambda _: False,
    states=_states,
    refine=_in_base,
    exchanges=("gate",),
)

API_LAYOUT = Layout(
    name="gate_api_candles",
    header=("t", "v", "c", "h", "l", "o", "sum"),
    kinds={
        "bars": {
            "ts": "t",
            "volume": "v",
            "close": "c",
            "high": "h",
            "low": "l",
            "open": "o",
            "quote_volume": "sum",
        }
    },
    refine=_in_base,
    exchanges=("gate",),
)
