"""Bars as Kraken publishes them: no header, and a row only where something was traded."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

_NAME = re.compile(r"(?P<symbol>[A-Z0-9.]+)_(?P<minutes>\d+)\.")
_COLUMNS = ("time", "open", "high", "low", "close", "volume", "trades")


def _is_headerless(preview: Preview) -> bool:
    return preview.width == len(_COLUMNS) and _NAME.match(preview.path.name) is not None


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"], match["minutes"]) if match else Statement()


LAYOUT = Layout(
    name="kraken_ohlcvt",
    header=_COLUMNS,
    kinds={"bars": {"ts": "time"} | {name: name for name in _COLUMNS[1:]}},
    is_of=lambda _: False,  # with a header it is anybody's
    is_headerless=_is_headerless,
    states=_states,
    exchanges=("kraken",),
    is_sparse=True,
)
