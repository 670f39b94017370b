"""Bars that Bybit publishes for MetaTrader: no header, times with dots."""

import re

from quant_pipelines.archive.layouts.layout import Layout
from quant_pipelines.archive.preview import Preview

_TIME = re.compile(r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}")
_COLUMNS = ("time", "open", "high", "low", "close", "volume")


def _is_headerless(preview: Preview) -> bool:
    return preview.width == len(_COLUMNS) and _TIME.fullmatch(preview.rows[0][0]) is not None


LAYOUT = Layout(
    name="bybit_mt4",
    header=_COLUMNS,
    kinds={"bars": {"ts": "time"} | {name: name for name in _COLUMNS[1:]}},
    is_of=lambda _: False,  # with a header it is anybody's
    is_headerless=_is_headerless,
    exchanges=("bybit",),
)
