"""Bars, or a panel of them, as part of a frame: with every column and higher timeframe that they carry."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from quant_pipelines.core.bars import COLUMNS, Bars, HigherBars, bars_from_columns
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.sandbox.wire import Frame

_NAMES = ("ts", *COLUMNS)


def framed(bars: Bars | Panel) -> Frame:
    """Return bars as a document and arrays; see ``bars_of``.

    Of a panel the members go, each by itself: the grid follows from them.

    Examples
    --------
    >>> from quant_pipelines.sandbox.bar_frames import bars_of, framed
    >>> from quant_pipelines.sdk import Bars
    >>> bars_of(*framed(Bars.of_closes([100, 103]))).close
    array([100., 103.])
    """
    if isinstance(bars, Panel):
        members = [framed(member) for member in bars.members]
        arrays = {f"{k} {name}": one for k, each in enumerate(members) for name, one in each.arrays.items()}
        return Frame({"members": [each.document for each in members]}, arrays)
    document = {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe,
        "extras": list(bars.extras),
        "higher": list(bars.higher),
    }
    arrays = _columns(bars, "") | {f"extra {name}": column for name, column in bars.extras.items()}
    for timeframe, higher in bars.higher.items():
        arrays |= _columns(higher.bars, f"{timeframe} ") | {f"{timeframe} row": higher.row}
    return Frame(document, arrays)


def traded_of(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Bars | Panel:
    """Return what a frame tells of: bars of one symbol, or a panel."""
    if "members" in document:
        parts = [_part(arrays, f"{k} ") for k in range(len(document["members"]))]
        return panel_of([bars_of(*each) for each in zip(document["members"], parts, strict=True)])
    return bars_of(document, arrays)


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): column for name, column in arrays.items() if name.startswith(prefix)}


def bars_of(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Bars:
    """Return the bars of a frame."""
    symbol = document["symbol"]
    higher = {
        name: HigherBars(_bars(symbol, name, arrays, f"{name} "), arrays[f"{name} row"])
        for name in document["higher"]
    }
    own = _bars(symbol, document["timeframe"], arrays, "")
    columns = (getattr(own, name) for name in _NAMES)
    extras = {name: arrays[f"extra {name}"] for name in document["extras"]}
    return Bars(symbol, document["timeframe"], *columns, extras=extras, higher=higher)


def _columns(bars: Bars, prefix: str) -> dict[str, np.ndarray]:
    return {prefix + name: getattr(bars, name) for name in _NAMES}


def _bars(symbol: str, timeframe: str, arrays: Mapping[str, np.ndarray], prefix: str) -> Bars:
    return bars_from_columns(symbol, timeframe, {name: arrays[prefix + name] for name in _NAMES})
