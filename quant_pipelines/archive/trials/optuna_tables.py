"""Optuna's SQLite storage (``sqlite:///study.db``), read from its tables.

Optuna itself would want the very version that wrote the file, and would write into it: tables are the same
since version 3, and are opened for reading only.
"""

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from quant_pipelines.archive.trials.layout import TrialFile, TrialLayout, shown
from quant_pipelines.archive.trials.optuna_values import (
    RETURNS,
    StoredStudy,
    StudyTrial,
    chosen_study,
    search_of,
)
from quant_pipelines.core.errors import DataError
from quant_pipelines.optimize.imported import ImportedSearch

_SIGNATURE = b"SQLite format 3\x00"
_COLUMNS = {
    "studies": ("study_id", "study_name"),
    "study_directions": ("study_id", "direction", "objective"),
    "trials": ("trial_id", "number", "study_id", "state"),
    "trial_params": ("trial_id", "param_name", "param_value", "distribution_json"),
    "trial_values": ("trial_id", "objective", "value", "value_type"),
    "trial_user_attributes": ("trial_id", "key", "value_json"),
}
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def _is_of(file: TrialFile) -> bool:
    return file.head.startswith(_SIGNATURE)


def _read(file: TrialFile) -> ImportedSearch:
    with _opened(file) as connection:
        _require_tables(file, connection)
        names = dict(connection.execute("SELECT study_name, study_id FROM studies").fetchall())
        name = chosen_study(file, [*names])
        return search_of(file, _study(file, connection, name, names[name]))


@contextmanager
def _opened(file: TrialFile) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{file.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise DataError(f"{file.path} can't be read: {error}; expected Optuna's SQLite storage") from error


def _require_tables(file: TrialFile, connection: sqlite3.Connection) -> None:
    for table, columns in _COLUMNS.items():
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for column in columns:
            if column not in found:
                raise file.fault(
                    f"table {table}", f"column {column}", "missing", "tables of Optuna 3 or later"
                )


def _study(file: TrialFile, connection: sqlite3.Connection, name: str, study_id: int) -> StoredStudy:
    def rows(table: str, columns: str, order: str) -> list[tuple[Any, ...]]:
        query = (
            f"SELECT {columns} FROM {table} JOIN trials USING (trial_id) "  # noqa: S608 - names of ours
            f"WHERE study_id = ? ORDER BY {order}"
        )
        return connection.execute(query, (study_id,)).fetchall()

    directions = connection.execute(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study_id,)
    ).fetchall()
    parameters: dict[int, dict[str, tuple[Any, str]]] = {}
    for trial_id, parameter, value, text in rows(
        "trial_params", "trial_id, param_name, param_value, distribution_json", "param_id"
    ):
        parameters.setdefault(trial_id, {})[parameter] = value, text
    values: dict[int, list[float | None]] = {}
    for trial_id, value, kind in rows("trial_values", "trial_id, value, value_type", "objective"):
        values.setdefault(trial_id, []).append(_INFINITE.get(kind, value))
    returns = {
        trial_id: _attribute(file, number, text)
        for trial_id, number, key, text in rows(
            "trial_user_attributes", "trial_id, number, key, value_json", "trial_id"
        )
        if key == RETURNS
    }
    listed = connection.execute(
        "SELECT trial_id, number, state FROM trials WHERE study_id = ? ORDER BY number", (study_id,)
    ).fetchall()
    trials = [
        StudyTrial(number, state, parameters.get(key, {}), tuple(values.get(key, ())), returns.get(key))
        for key, number, state in listed
    ]
    return StoredStudy(name, tuple(direction for (direction,) in directions), trials)


def _attribute(file: TrialFile, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise file.fault(f"trial {number}", RETURNS, shown(text), "JSON") from None


LAYOUT = TrialLayout(name="optuna_sqlite", about="an Optuna study in SQLite", is_of=_is_of, read=_read)
