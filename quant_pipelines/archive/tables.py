"""Opens one Parquet or CSV file: cells as they stand there, and how its rows are named in a sentence."""

from pathlib import Path
from typing import Any, Literal

from quant_pipelines.core.errors import DataError

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIX = ".parquet"


def is_csv(path: Path) -> bool:
    """Whether a file is CSV by its name."""
    return path.name.lower().endswith(CSV_SUFFIXES)


def is_readable_name(path: Path) -> bool:
    """Whether a file's name ends like one that `read_table` reads."""
    return is_csv(path) or path.suffix.lower() == PARQUET_SUFFIX


def row_name(path: Path, index: int) -> str:
    """Name of a row as the user finds it: a CSV's line, header included; a Parquet file's row from 0."""
    return f"row {index + 2}" if is_csv(path) else f"row {index}"


def column_names(path: Path) -> list[str]:
    """Headers of a file.

    Raises
    ------
    DataError
        If the file can't be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    if is_csv(path):
        return list(_read_csv(path).schema.names)
    try:
        return list(pq.read_schema(path).names)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def read_table(path: Path, names: list[str]) -> Any:
    """Columns of a file as an Arrow table; a CSV's cells are text.

    Raises
    ------
    DataError
        If the file can't be read, or a CSV row has too few or too many cells; the sentence names the row.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    if is_csv(path):
        return _read_csv(path).select(names)
    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns=names, use_threads=False)  # its threads keep what they allocate
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """Sentence for a file that is missing, cut or of another kind."""
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    kind = "CSV" if is_csv(path) else "Parquet"
    return DataError(f"archive file {path} can't be read as {kind}: {reason}")


def _read_csv(path: Path) -> Any:
    """All cells as text, so that the row of a bad one can be named."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    broken: list[Any] = []

    def note(row: Any) -> Literal["skip"]:
        broken.append(row)
        return "skip"

    reading = csv.ReadOptions(use_threads=False)  # rows are numbered only in order
    # An empty line counts as a row: the numbers of those after it stay true.
    parsing = csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=note)
    try:
        with csv.open_csv(path, read_options=reading, parse_options=parsing) as first_block:
            names = first_block.schema.names
        broken.clear()
        as_text = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        table = csv.read_csv(path, read_options=reading, parse_options=parsing, convert_options=as_text)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from error
    for row in broken:
        raise DataError(
            f"archive file {path} has {row.actual_columns} cells at row {row.number}; "
            f"expected {row.expected_columns}"
        )
    return _without_empty_end(table)


def _without_empty_end(table: Any) -> Any:
    last = table.num_rows
    while last and not any(column[last - 1].as_py() for column in table.columns):
        last -= 1
    return table.slice(0, last)
