"""Bars of a Nautilus catalog: packed integers, symbol and step in the schema's metadata only."""

import re
from typing import Any

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

_SCALES = {8: 10**9, 16: 10**16}
"""What a packed integer is divided by, by its bytes."""

_TYPE = re.compile(r"(?P<symbol>.+)-(?P<step>\d+-[A-Z_]+)-(?P<price>[A-Z]+)-")
_VALUES = ("open", "high", "low", "close", "volume")


def _unpacked(table: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only files need it

    for name in _VALUES:
        column = table.column(name)
        if not pa.types.is_fixed_size_binary(column.type) or column.type.byte_width not in _SCALES:
            continue
        scale = _SCALES[column.type.byte_width]
        values = [
            None if cell is None else int.from_bytes(cell, "little", signed=True) / scale
            for cell in column.to_pylist()
        ]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.float64()))
    return table


def _states(preview: Preview) -> Statement:
    match = _TYPE.match(preview.metadata.get("bar_type", ""))
    if match is None:
        return Statement(preview.metadata.get("instrument_id", ""))
    kind = "" if match["price"] == "LAST" else f"bars of {match['price'].lower()} prices"
    return Statement(match["symbol"], match["step"], kind=kind)


LAYOUT = Layout(
    name="nautilus_bars",
    header=(*_VALUES, "ts_event", "ts_init"),
    kinds={"bars": {"ts": "ts_event"} | {name: name for name in _VALUES}},
    decode=_unpacked,
    states=_states,
    stamped="",
)
