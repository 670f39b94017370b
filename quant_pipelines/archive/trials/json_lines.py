"""Files of one JSON document a line, whose last line a killed process may have cut short."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from quant_pipelines.archive.trials.layout import TrialFile, shown
from quant_pipelines.core.errors import DataError


class KeptLines(NamedTuple):
    """What was made of a file's lines, each with its number, and what its reader should know."""

    documents: list[tuple[int, Any]]
    notes: tuple[str, ...]


def read_json_lines(file: TrialFile, keep: Callable[[int, dict[str, Any]], Any]) -> KeptLines:
    """Read a file line by line.

    Parameters
    ----------
    file
        What to read.
    keep
        Called with the number and the document of each line: what it returns is kept, so that a file of many
        gigabytes is never held as a whole.

    Raises
    ------
    DataError
        If the file can't be read, or any line but the last is no JSON object.
    """
    kept: list[tuple[int, Any]] = []
    broken: tuple[int, str] | None = None
    try:
        with file.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if broken is not None:
                    raise file.fault(f"line {broken[0]}", "its text", broken[1], "one JSON document a line")
                if not line.strip():
                    continue
                document = _document(line)
                if isinstance(document, dict):
                    kept.append((number, keep(number, document)))
                else:
                    broken = number, line[:80].decode("utf-8", "replace")
    except OSError as error:
        raise DataError(f"{file.path} can't be read: {error.strerror}; expected a file of trials") from error
    if broken is None:
        return KeptLines(kept, ())
    if not kept:
        raise file.fault(f"line {broken[0]}", "its text", broken[1], "one JSON document a line")
    note = f"line {broken[0]}, the last one, is cut short ({shown(broken[1][:30])}): it is left out"
    return KeptLines(kept, (note,))


def _document(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
