"""What a person says of an archive, in CSV files beside it: odd values that are right, factors of prices.

``accepted.csv``: exchange, symbol, check, first, last, operator, reason. ``price_factors.csv``: exchange,
symbol, from, factor, operator, reason. Days and times are UTC, a symbol has ccxt's form.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.price_factors import PriceFactor, require_factors
from quant_pipelines.core.timeframes import to_ms

ACCEPTED, FACTORS = "accepted.csv", "price_factors.csv"
_COLUMNS = {
    ACCEPTED: ("exchange", "symbol", "check", "first", "last", "operator", "reason"),
    FACTORS: ("exchange", "symbol", "from", "factor", "operator", "reason"),
}


class AcceptedDays(NamedTuple):
    """Days, both included, on which a person takes what a check finds for right."""

    check_name: str
    first: date
    last: date


def accepted_days(folder: Path, exchange: str, symbol: str) -> list[AcceptedDays]:
    """Read what a person accepted of a symbol; empty without the file.

    Raises
    ------
    DataError
        If the file is malformed; the sentence names its row.
    """
    found = []
    for number, row in _rows(folder / ACCEPTED):
        try:
            days = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
        except ValueError as error:
            raise DataError(
                f"file {folder / ACCEPTED}: row {number}: {error}; expected 2024-01-31"
            ) from error
        if (row["exchange"], row["symbol"]) == (exchange, symbol):
            found.append(AcceptedDays(row["check"], *days))
    return found


def price_factors(folder: Path, exchange: str, symbol: str) -> tuple[PriceFactor, ...]:
    """Factors of a symbol's price, oldest first; empty without the file.

    Raises
    ------
    DataError
        If the file is malformed; the sentence names its row.
    """
    found = []
    for number, row in _rows(folder / FACTORS):
        try:
            factor = PriceFactor(_moment_ms(row["from"]), float(row["factor"]))
        except ValueError as error:
            raise DataError(f"file {folder / FACTORS}: row {number}: {error}; expected a time") from error
        if (row["exchange"], row["symbol"]) == (exchange, symbol):
            found.append(factor)
    return require_factors(found)


def state(folder: Path, name: str, row: Mapping[str, str]) -> None:
    """Add a row to one of the files; it is made where it is not there.

    Raises
    ------
    DataError
        If the folder can't be written, or the file is malformed.
    """
    path = folder / name
    _write(path, [*(row for _, row in _rows(path)), row])


def take_factor_back(folder: Path, exchange: str, symbol: str, from_ms: int) -> None:
    """Take the factor of a symbol's price at a time out of the file.

    Raises
    ------
    DataError
        If there is none, the folder can't be written, or the file is malformed.
    """
    path, whose = folder / FACTORS, (exchange, symbol, from_ms)
    known = [row for _, row in _rows(path)]
    kept = [row for row in known if (row["exchange"], row["symbol"], _moment_ms(row["from"])) != whose]
    if len(kept) == len(known):
        raise DataError(f"file {path} has no factor of {symbol} at that time to take back")
    _write(path, kept)


def _moment_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    text = path.with_name(f".{path.name}.new")
    try:
        with text.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS[path.name])
            writer.writeheader()
            writer.writerows(rows)
        text.replace(path)
    except OSError as error:
        raise DataError(f"file {path} can't be written: {error.strerror}") from error


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(enumerate(reader, start=2))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"file {path} can't be read: {error}") from error
    if tuple(reader.fieldnames or ()) != _COLUMNS[path.name]:
        raise DataError(
            f"file {path} has the columns {', '.join(reader.fieldnames or ()) or 'none'}; "
            f"expected {', '.join(_COLUMNS[path.name])}"
        )
    for number, row in rows:
        if None in row or None in row.values():
            raise DataError(
                f"file {path} has another number of cells at row {number}; expected as in its header"
            )
    return rows
