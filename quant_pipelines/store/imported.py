"""Files whose rows are stored: what a row came from can be found by its series and its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.series import Series
from quant_pipelines.store.engine import Database, transaction
from quant_pipelines.store.tables import imported_files


class Span(NamedTuple):
    """Times of the first and the last row."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file that was brought in.

    Parameters
    ----------
    name
        Its name.
    checksum
        SHA-256.
    layout
        By which it was read.
    rows
        How many were taken.
    span
        Times of the first and the last of them.
    """

    name: str
    checksum: str
    layout: str
    rows: int
    span: Span


def save_imported(database: Database, series: Series, kind: str, file: ImportedFile, at: datetime) -> None:
    """Record that a file's rows are stored; the same file again moves its time only.

    Parameters
    ----------
    database
        Product database, or the transaction in which the rows are written.
    series
        Whose rows; the timeframe is empty but for bars.
    kind
        bars, funding or open_interest.
    file
        Where they are from.
    at
        When.
    """
    values = {
        **series._asdict(),
        "kind": kind,
        "checksum": file.checksum,
        "file": file.name,
        "layout": file.layout,
        "rows": file.rows,
        "first": file.span.first,
        "last": file.span.last,
        "imported_at": at,
    }
    statement = insert(imported_files).values(values)
    changed = {
        name: statement.excluded[name] for name in ("file", "layout", "rows", "first", "last", "imported_at")
    }
    key = list(imported_files.primary_key.columns)
    with transaction(database) as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def read_imported(engine: Engine, exchange: str, symbols: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Files that were brought in, oldest rows first; empty ``symbols`` mean all."""
    query = select(imported_files).where(imported_files.c.exchange == exchange)
    if symbols:
        query = query.where(imported_files.c.symbol.in_(symbols))
    order = (imported_files.c.symbol, imported_files.c.kind, imported_files.c.first)
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query.order_by(*order)).mappings()]
