"""Reads cells of one file as an Arrow table: CSV and JSON as text, Parquet in its types."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from quant_pipelines.archive.containers import UNREADABLE, opened_content
from quant_pipelines.archive.origin import Origin
from quant_pipelines.archive.preview import Preview, unreadable
from quant_pipelines.core.errors import DataError

_BLOCK_BYTES = 1 << 20
"""Text that becomes cells at once; Arrow reads up to 32 such blocks ahead."""


def column_names(path: Path) -> list[str]:
    """Headers of a Parquet file.

    Raises
    ------
    DataError
        If the file can't be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return list(pq.read_schema(path).names)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, "Parquet", error) from error


def read_table(path: Path, names: Sequence[str]) -> Any:
    """Columns of a Parquet file as an Arrow table.

    Raises
    ------
    DataError
        If the file can't be read.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            # Its threads keep what they allocate.
            return _plain(file.read(columns=list(names), use_threads=False))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, "Parquet", error) from error


def origin_of(preview: Preview, n_before: int = 0) -> Origin:
    """Numbers of a file's rows: lines of CSV count from 1, rows of everything else from 0.

    Parameters
    ----------
    preview
        File.
    n_before
        Rows before the first that is meant.
    """
    if preview.form != "CSV":
        return Origin(preview.path, n_before)
    return Origin(preview.path, 1 + preview.skipped + bool(preview.header) + n_before)


def read_cells(preview: Preview, header: Sequence[str], names: Sequence[str]) -> Iterator[Any]:
    """Like `read_cell_blocks`, all rows at once."""
    import pyarrow as pa  # noqa: PLC0415

    blocks = list(read_cell_blocks(preview, header, names))
    if blocks:
        yield pa.concat_tables(blocks)


def read_cell_blocks(preview: Preview, header: Sequence[str], names: Sequence[str]) -> Iterator[Any]:
    """Columns of a file from anywhere, as Arrow tables of some rows each: all of them but in text.

    Parameters
    ----------
    preview
        File.
    header
        Name of each of its columns, in order; a CSV's own header is not trusted.
    names
        Columns that are wanted, of ``header``.

    Raises
    ------
    DataError
        If the file can't be read, or a row of text has too few or too many cells; the sentence names the row.
    """
    import pyarrow as pa  # noqa: PLC0415

    try:
        match preview.form:
            case "CSV":
                yield from _without_empty_end(_read_csv(preview, header, names))
            case "JSON":
                yield _of_document(preview, header, names)
            case "Parquet":
                yield read_table(preview.path, names)
            case "Feather":
                yield _plain(_read_feather(preview.path, names))
    except (*UNREADABLE, pa.ArrowException) as error:
        raise unreadable(preview.path, preview.form, error) from error


def _read_csv(preview: Preview, header: Sequence[str], names: Sequence[str]) -> Iterator[Any]:
    """All cells as text, so that the row of a bad one can be named."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    broken: list[Any] = []

    def note(row: Any) -> Literal["skip"]:
        broken.append(row)
        return "skip"

    reading = csv.ReadOptions(
        use_threads=False,  # rows are numbered only in order
        block_size=_BLOCK_BYTES,
        column_names=list(header),
        skip_rows=preview.skipped + bool(preview.header),
    )
    # An empty line counts as a row: the numbers of those after it stay true.
    parsing = csv.ParseOptions(
        delimiter=preview.delimiter, ignore_empty_lines=False, invalid_row_handler=note
    )
    as_text = csv.ConvertOptions(
        include_columns=list(names),
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=False,
    )
    with opened_content(preview.path) as stream:
        source: Any = pa.PythonFile(stream, mode="r")
        for block in csv.open_csv(source, reading, parsing, as_text):
            for row in broken:
                raise DataError(
                    f"archive file {preview.path} has {row.actual_columns} cells at row {row.number}; "
                    f"expected {row.expected_columns} as in the rows before"
                )
            yield pa.Table.from_batches([block])


def _of_document(preview: Preview, header: Sequence[str], names: Sequence[str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    rows = preview.document
    place = {name: index for index, name in enumerate(header)}
    for number, row in enumerate(rows):
        if len(row) != len(header) or isinstance(row, list) != isinstance(rows[0], list):
            raise DataError(
                f"archive file {preview.path} has {len(row)} cells at row {number}; expected {len(header)}"
            )
    columns = {}
    for name in names:
        key = place[name] if isinstance(rows[0], list) else name
        try:
            cells = ["" if row[key] is None else str(row[key]) for row in rows]
        except KeyError as error:
            raise DataError(f"archive file {preview.path} lacks {name} in some rows") from error
        columns[name] = pa.array(cells, pa.string())
    return pa.table(columns)


def _read_feather(path: Path, names: Sequence[str]) -> Any:
    from pyarrow import feather  # noqa: PLC0415

    return feather.read_table(path, columns=list(names), use_threads=False, memory_map=False)


def _plain(table: Any) -> Any:
    """Other encodings of text and numbers as text and float64."""
    import pyarrow as pa  # noqa: PLC0415

    for index, field in enumerate(table.schema):
        kind, column = field.type, table.column(index)
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
            column = column.cast(kind)
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.string())
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64())
        table = table.set_column(index, field.name, column)
    return table


def _without_empty_end(blocks: Iterator[Any]) -> Iterator[Any]:
    """Blocks without the empty lines at the end of the last one."""
    table = next(blocks, None)
    if table is None:
        return
    for following in blocks:
        yield table
        table = following
    last = table.num_rows
    while last and not any(column[last - 1].as_py() for column in table.columns):
        last -= 1
    yield table.slice(0, last)
