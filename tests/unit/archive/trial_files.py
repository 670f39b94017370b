"""Files of trials as other tools write them, made from their documented fields."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, day_of, day_start_ms

START_MS = day_start_ms("2024-01-01")
INTEGERS = '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 99}}'
CHOICES = '{"name": "CategoricalDistribution", "attributes": {"choices": ["ema", "sma", null]}}'


def epoch(number: int, loss: float, profits: FloatArray | None = None, **parameters: Any) -> dict[str, Any]:
    """Line of a ``.fthypt``; profits in the stake currency, of days from 2024 on."""
    metrics: dict[str, Any] = {"strategy_name": "Trend", "total_trades": 0, "starting_balance": 1000}
    if profits is not None:
        end_ms = START_MS + DAY_MS * (profits.size - 1) + 23 * 3_600_000
        listed = [[day_of(START_MS + DAY_MS * at), float(value)] for at, value in enumerate(profits) if value]
        metrics |= {
            "total_trades": len(listed),
            "daily_profit": listed,
            "profit_total_abs": float(profits.sum()),
            "backtest_start_ts": START_MS,
            "backtest_end_ts": end_ms,
        }
    return {
        "loss": loss,
        "params_dict": parameters or {"fast": number},
        "params_details": {},
        "results_metrics": metrics,
        "results_explanation": "",
        "total_profit": 0.0,
        "current_epoch": number,
        "is_initial_point": True,
        "is_random": False,
        "is_best": False,
        "fthypt_fileversion": 2,
    }


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write one JSON document a line."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def write_study(
    path: Path,
    trials: Sequence[tuple[str, Mapping[str, Any], float | None, Any]],
    *,
    names: Sequence[str] = ("trend",),
) -> Path:
    """SQLite storage of Optuna: the same trials (state, parameters, value, daily returns) in each study."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name VARCHAR(512));"
            "CREATE TABLE study_directions (study_direction_id INTEGER PRIMARY KEY, direction VARCHAR(8), "
            "study_id INTEGER, objective INTEGER);"
            "CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, "
            "state VARCHAR(8), datetime_start DATETIME, datetime_complete DATETIME);"
            "CREATE TABLE trial_params (param_id INTEGER PRIMARY KEY, trial_id INTEGER, "
            "param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT);"
            "CREATE TABLE trial_values (trial_value_id INTEGER PRIMARY KEY, trial_id INTEGER, "
            "objective INTEGER, value FLOAT, value_type VARCHAR(7));"
            "CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER PRIMARY KEY, "
            "trial_id INTEGER, key VARCHAR(512), value_json TEXT);"
        )
        for study, name in enumerate(names, 1):
            connection.execute("INSERT INTO studies VALUES (?, ?)", (study, name))
            connection.execute("INSERT INTO study_directions VALUES (?, 'MAXIMIZE', ?, 0)", (study, study))
            for number, trial in enumerate(trials):
                _add_trial(connection, study, number, trial)
    return path


def _add_trial(
    connection: sqlite3.Connection,
    study: int,
    number: int,
    trial: tuple[str, Mapping[str, Any], float | None, Any],
) -> None:
    state, parameters, value, returns = trial
    key = connection.execute(
        "INSERT INTO trials (number, study_id, state) VALUES (?, ?, ?)", (number, study, state)
    ).lastrowid
    for name, internal in parameters.items():
        text = CHOICES if name == "average" else INTEGERS
        connection.execute(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
            "VALUES (?, ?, ?, ?)",
            (key, name, internal, text),
        )
    if value is not None:
        kind = "FINITE" if np.isfinite(value) else "INF_POS"
        stored = value if np.isfinite(value) else None
        connection.execute(
            "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, 0, ?, ?)",
            (key, stored, kind),
        )
    if returns is not None:
        connection.execute(
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, 'daily_returns', ?)",
            (key, json.dumps(returns)),
        )


def write_returns(path: Path, returns: FloatArray, names: Sequence[str] = ()) -> Path:
    """CSV of daily returns, from 2024 on."""
    header = ["day", *(names or [f"trial {number}" for number in range(returns.shape[1])])]
    rows = [
        ",".join([day_of(START_MS + DAY_MS * at), *(repr(float(value)) for value in row)])
        for at, row in enumerate(returns)
    ]
    path.write_text("\n".join([",".join(header), *rows, ""]))
    return path
