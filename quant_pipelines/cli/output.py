"""How commands answer: text for people, one JSON document for scripts, both on stdout."""

import argparse
import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from quant_pipelines.core.errors import ConfigurationError


def print_document(document: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(to_json(document), indent=2, allow_nan=False), flush=True)


def print_answer(arguments: argparse.Namespace, document: Any, text: str) -> None:
    """Print what a command answers: the document with ``--json``, else the text."""
    if arguments.json:
        print_document(document)
    else:
        print(text)


def write_text(path: Path, text: str) -> None:
    """Write a file that the user asked for.

    Raises
    ------
    ConfigurationError
        If it can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} can't be written: {error.strerror}") from error


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """Rows as text of a CSV file under a line of columns: decimals to the last digit, times as ISO 8601."""
    names, text = list(columns), io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_csv_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    if isinstance(value, Decimal):
        whole = f"{value:f}"
        return whole.rstrip("0").rstrip(".") if "." in whole else whole
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)


def to_json(value: Any) -> Any:
    """Value made of JSON types only; what is not a finite number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return to_json(value.tolist())
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, date):  # datetime is a date
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    number = float(value)  # float and Decimal; anything else is a mistake of ours
    return number if math.isfinite(number) else None


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Rows as aligned text; an empty table says so."""
    if not rows:
        return "  (none)"
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    lines = [list(columns), *cells]
    return "\n".join(
        "  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)
