"""Bars over the wire: binary COPY images made without a Python loop, and columns packed by the server."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from psycopg import Cursor
from psycopg.copy import QueuedLibpqWriter
from sqlalchemy import Connection

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import from_ms, timeframe_ms

KEY = ("exchange", "symbol", "timeframe")
PRICES = ("open", "high", "low", "close", "volume")
VALUES = (*PRICES, "quote_volume", "trades")
STAGED = ("ts", *VALUES, "available_at")

_POSTGRES_EPOCH_MS = 946_684_800_000
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_END = b"\xff\xff"
_IMAGE_ROWS = 4096
_INTEGERS = ("ts", "trades", "available_at")


def cursor(connection: Connection, *, binary: bool = False) -> Cursor[Any]:
    """Cursor of the driver inside the connection's transaction."""
    driver: Any = connection.connection.driver_connection
    made: Cursor[Any] = driver.cursor(binary=binary)
    return made


def copy_in(into: Cursor[Any], table: str, series: Series, rows: BarRows, *, has_key: bool) -> None:
    """Copy bars into a table; a thread sends what is ready while the next rows are encoded.

    Parameters
    ----------
    into
        Cursor inside a transaction.
    table
        Trusted name of the table.
    series
        Whose bars they are.
    rows
        Bars in ascending order.
    has_key
        Whether the table has the columns of the series.
    """
    columns = ", ".join((*(KEY if has_key else ()), *STAGED))
    statement = f"copy {table} ({columns}) from stdin (format binary)"
    with into.copy(statement, writer=QueuedLibpqWriter(into)) as copy:
        copy.write(_COPY_HEADER)
        for image in _images(rows, timeframe_ms(series.timeframe), series if has_key else ()):
            copy.write(image)
        copy.write(_COPY_END)


def read_packed(
    connection: Connection, series: Series, names: tuple[str, ...], window: Window
) -> dict[str, np.ndarray]:
    """Columns ``ts`` and ``names`` of the bars that open in a window, oldest first.

    The server packs each column into one binary value, so no row is touched in Python.
    """
    senders = ["timestamptz_send(ts)"]
    senders += [f"{'int8send' if name in _INTEGERS else 'float8send'}({name})" for name in names]
    packed = ", ".join(f"string_agg({sender}, ''::bytea order by ts)" for sender in senders)
    query = (
        f"select {packed} from market.bars "  # noqa: S608 - column names of this module
        "where exchange = %s and symbol = %s and timeframe = %s and ts >= %s and ts < %s"
    )
    with cursor(connection, binary=True) as reader:
        bounds = (from_ms(window.start_ms), from_ms(window.end_ms))
        values = reader.execute(query, (*series, *bounds)).fetchone() or ()
    columns = {
        name: np.frombuffer(value or b"", ">i8" if name in _INTEGERS else ">f8")
        for name, value in zip(("ts", *names), values, strict=True)
    }
    columns = {name: column.astype(column.dtype.newbyteorder("=")) for name, column in columns.items()}
    columns["ts"] = columns["ts"] // 1000 + _POSTGRES_EPOCH_MS
    return columns


def _images(rows: BarRows, step_ms: int, constants: tuple[str, ...]) -> Iterator[memoryview]:
    """Binary COPY tuples of the rows with constant texts in front, a few thousand at a time."""
    texts = [value.encode() for value in constants]
    fields: list[tuple[str, str]] = [("n_fields", ">i2")]
    for position, value in enumerate(texts):
        fields += [(f"length_{position}", ">i4"), (f"text_{position}", f"S{len(value)}")]
    for name in STAGED:
        fields += [(f"length_{name}", ">i4"), (name, ">i8" if name in _INTEGERS else ">f8")]
    blank = np.zeros(1, dtype=np.dtype(fields))
    blank["n_fields"] = len(texts) + len(STAGED)
    for position, value in enumerate(texts):
        blank[f"length_{position}"], blank[f"text_{position}"] = len(value), value
    for name in STAGED:
        blank[f"length_{name}"] = 8
    for first in range(0, len(rows), _IMAGE_ROWS):
        part = slice(first, first + _IMAGE_ROWS)
        image = np.repeat(blank, rows.ts[part].size)
        image["ts"] = (rows.ts[part] - _POSTGRES_EPOCH_MS) * 1000
        image["available_at"] = image["ts"] + step_ms * 1000
        for name in VALUES:
            image[name] = getattr(rows, name)[part]
        yield image.view(np.uint8).data
