"""What a file shows before it is read, and by which its layout is found: header, first rows, metadata."""

import codecs
import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from quant_pipelines.archive.containers import UNREADABLE, content_name, opened_content
from quant_pipelines.core.errors import DataError

Form = Literal["CSV", "JSON", "Parquet", "Feather"]
"""How rows are written."""

FORMS: Mapping[str, Form] = {
    ".csv": "CSV",
    ".json": "JSON",
    ".parquet": "Parquet",
    ".feather": "Feather",
}
"""Form by the ending of a file's name, the content's inside a zip or gzip."""

READABLE = (".parquet", ".csv", ".csv.gz", ".json", ".json.gz", ".feather", ".zip")
"""Endings of names that are read."""

_PEEKED_BYTES = 1 << 16
_PEEKED_ROWS = 20
_URL = re.compile(r"https?://|www\.")


class Preview(NamedTuple):
    """What a file shows of itself.

    Parameters
    ----------
    path
        File.
    name
        Name of its content: the file inside a zip, else the file's own.
    form
        How rows are written.
    header
        Names of its columns as they stand there; empty where it has none.
    rows
        First rows as text; empty for Parquet and Feather.
    metadata
        Of the schema, or what stands around the rows of a JSON answer.
    skipped
        Lines before the header, or before the first row where there is none.
    document
        Rows of a JSON document, which is read at once.
    delimiter
        What stands between the cells of a CSV.
    """

    path: Path
    name: str
    form: Form
    header: tuple[str, ...]
    rows: list[list[str]]
    metadata: Mapping[str, str] = MappingProxyType({})
    skipped: int = 0
    document: Any = None
    delimiter: str = ","

    @property
    def columns(self) -> tuple[str, ...]:
        """Headers by their plain names; as they stand where only case tells two apart."""
        plain = tuple(plain_name(name) for name in self.header)
        return plain if len(set(plain)) == len(plain) else tuple(name.strip() for name in self.header)

    @property
    def content_name(self) -> str:
        """Name of its content without folders inside a zip."""
        return PurePosixPath(self.name).name

    @property
    def width(self) -> int:
        """Cells of the first row."""
        return len(self.rows[0]) if self.rows else len(self.header)


def plain_name(header: str) -> str:
    """Header in lower case, with underscores for spaces and dashes."""
    return re.sub(r"[\s-]+", "_", header.strip().lower())


def is_readable_name(path: Path) -> bool:
    """Whether a file's name ends like one that is read."""
    return path.name.lower().endswith(READABLE)


def look_at(path: Path) -> Preview:
    """Preview of a file.

    Raises
    ------
    DataError
        If it can't be read, or has no rows.
    """
    name = content_name(path)
    form = FORMS.get(Path(name.lower()).suffix)
    if form is None:
        raise DataError(f"archive file {path} holds {name}; expected a name with one of {', '.join(FORMS)}")
    try:
        return _PREVIEWS[form](path, name, form)
    except UNREADABLE as error:
        raise unreadable(path, form, error) from error


def unreadable(path: Path, form: str, error: Exception) -> DataError:
    """Sentence for a file that is missing, cut or of another form."""
    reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
    return DataError(f"archive file {path} can't be read as {form}: {reason}")


def is_number(cell: str) -> bool:
    """Whether a cell is a number, also one in exponential spelling; NaN is none."""
    try:
        return float(cell) == float(cell)
    except ValueError:
        return False


def _look_at_csv(path: Path, name: str, form: Form) -> Preview:
    with opened_content(path) as stream:
        start = stream.read(_PEEKED_BYTES)
    # A letter of several bytes may be cut at the end of what was read.
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start, final=len(start) < _PEEKED_BYTES)
    lines = text.splitlines()
    if len(start) == _PEEKED_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    if not lines:
        raise ValueError("it is empty")
    skipped = 1 if _URL.match(lines[0]) or lines[0] == "" else 0
    delimiter = _delimiter(lines[skipped : skipped + 1])
    peeked = io.StringIO("\n".join(lines[skipped : skipped + _PEEKED_ROWS]))
    cells = list(csv.reader(peeked, delimiter=delimiter))
    has_header = bool(cells) and not any(is_number(cell) for cell in cells[0])
    header = tuple(cells[0]) if has_header else ()
    return Preview(path, name, form, header, cells[int(has_header) :], skipped=skipped, delimiter=delimiter)


def _delimiter(first: list[str]) -> str:
    """Tell what stands between cells by the first line; a comma may stand for the point of decimals there."""
    line = "".join(first)
    other = max(";\t|", key=line.count)
    return other if line.count(other) >= max(line.count(","), 1) else ","


def _look_at_json(path: Path, name: str, form: Form) -> Preview:
    import orjson  # noqa: PLC0415 - only files need it

    with opened_content(path) as stream:
        document = orjson.loads(stream.read())
    around: dict[str, str] = {}
    while isinstance(document, dict):  # an answer of an exchange: its rows stand in one of these
        around |= {key: value for key, value in document.items() if isinstance(value, str)}
        document = next((document[key] for key in ("data", "result", "list") if key in document), None)
    if not isinstance(document, list) or not document:
        raise ValueError("it has no rows")
    header = tuple(document[0]) if isinstance(document[0], dict) else ()
    first = document[:_PEEKED_ROWS]
    rows = [[str(cell) for cell in row] for row in first if isinstance(row, list)]
    return Preview(path, name, form, header, rows, around, document=document)


def _look_at_parquet(path: Path, name: str, form: Form) -> Preview:
    import pyarrow.parquet as pq  # noqa: PLC0415

    return _of_schema(path, name, form, pq.read_schema(path))


def _look_at_feather(path: Path, name: str, form: Form) -> Preview:
    import pyarrow as pa  # noqa: PLC0415

    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        return _of_schema(path, name, form, file.schema)


def _of_schema(path: Path, name: str, form: Form, schema: Any) -> Preview:
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (schema.metadata or {}).items()
    }
    return Preview(path, name, form, tuple(schema.names), [], metadata)


_PREVIEWS = {
    "CSV": _look_at_csv,
    "JSON": _look_at_json,
    "Parquet": _look_at_parquet,
    "Feather": _look_at_feather,
}
