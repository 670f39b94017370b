"""What both storages of Optuna have in common: trials, how parameters and daily returns are written."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.archive.trials.layout import FRACTION, HIGHEST, LOWEST, TrialFile
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.optimize.imported import Goal, ImportedSearch, ImportedTrial, TrialStatus

RETURNS = "daily_returns"
"""User attribute of a trial that may hold its daily returns: fractions by day."""
_STATUSES: dict[str, TrialStatus] = {
    "RUNNING": "running",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "WAITING": "waiting",
}
_GOALS: dict[str, Goal] = {"MINIMIZE": "lowest", "MAXIMIZE": "highest"}


class StudyTrial(NamedTuple):
    """Trial as both storages have it.

    Parameters
    ----------
    number
        Its number in the study.
    state
        Optuna's word.
    parameters
        Internal value and JSON of the distribution, by name.
    values
        One for each objective.
    returns
        User attribute ``daily_returns``; None without one.
    """

    number: int
    state: str
    parameters: Mapping[str, tuple[Any, str]]
    values: tuple[float | None, ...]
    returns: Any = None

    @property
    def where(self) -> str:
        """Name of its place in a sentence."""
        return f"trial {self.number}"


class StoredStudy(NamedTuple):
    """Study with its trials; directions are Optuna's words."""

    name: str
    directions: tuple[str, ...]
    trials: list[StudyTrial]


def chosen_study(file: TrialFile, names: list[str]) -> str:
    """Name of the study that is meant.

    Raises
    ------
    DataError
        If there is none, or which of several is not said.
    """
    if file.study and file.study not in names:
        raise file.fault("studies", "study", file.study, f"one of {', '.join(sorted(names)[:10]) or 'none'}")
    if not file.study and len(names) != 1:
        expected = f"--study with one of {', '.join(sorted(names)[:10])}" if names else "a study"
        raise file.fault("studies", "their number", len(names), expected)
    return file.study or names[0]


def search_of(file: TrialFile, study: StoredStudy, notes: tuple[str, ...] = ()) -> ImportedSearch:
    """Turn a study into a search.

    Raises
    ------
    DataError
        If a parameter, a value or a daily return can't be read.
    """
    if not study.trials:
        raise file.fault(f"study {study.name}", "its trials", 0, "1 or more")
    days = _days(file, study.trials)
    goal = _GOALS.get(study.directions[0]) if len(study.directions) == 1 else None
    if goal is None:
        several = (
            f"the study has {len(study.directions)} objectives: none of its trials is the best by itself"
        )
        notes = (*notes, several)
    trials = tuple(_trial(file, trial, days, goal) for trial in study.trials)
    missing = (
        "" if days.size else f"an Optuna study has values only: no trial has the user attribute {RETURNS}"
    )
    return ImportedSearch(
        "Optuna study", study.name, trials, days, "value", goal, notes=notes, missing_returns=missing
    )


def _trial(file: TrialFile, trial: StudyTrial, days: IntArray, goal: Goal | None) -> ImportedTrial:
    parameters = {name: _external(file, trial, name) for name in trial.parameters}
    returns = None
    if trial.returns is not None:
        by_day = _by_day(file, trial)
        absent = set(days.tolist()) - set(by_day)
        if absent:
            raise file.fault(
                trial.where, RETURNS, f"{len(by_day)} days", f"the {days.size} days that others have"
            )
        returns = np.array([by_day[int(day)] for day in days])
    value = trial.values[0] if goal is not None and trial.values else None
    return ImportedTrial(str(trial.number), parameters or None, _status(file, trial), value, returns)


def _status(file: TrialFile, trial: StudyTrial) -> TrialStatus:
    if trial.state not in _STATUSES:
        raise file.fault(trial.where, "state", trial.state, f"one of {', '.join(_STATUSES)}")
    return _STATUSES[trial.state]


def _external(file: TrialFile, trial: StudyTrial, name: str) -> Any:
    """Parameter as the objective saw it: a choice is stored as its position, a whole number as a float."""
    internal, text = trial.parameters[name]
    try:
        distribution = json.loads(text)
        kind, choices = str(distribution["name"]), distribution["attributes"].get("choices")
        if kind == "CategoricalDistribution":
            return choices[int(internal)]
        return int(internal) if kind.startswith("Int") else float(internal)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise file.fault(
            trial.where, f"parameter {name}", internal, f"a value of its distribution, {str(text)[:60]}"
        ) from None


def _days(file: TrialFile, trials: list[StudyTrial]) -> IntArray:
    known = sorted({day for trial in trials if trial.returns is not None for day in _by_day(file, trial)})
    return np.array(known, dtype=np.int64)


def _by_day(file: TrialFile, trial: StudyTrial) -> dict[int, float]:
    given = trial.returns
    if not isinstance(given, Mapping) or not given:
        raise file.fault(trial.where, RETURNS, given, "fractions by day, such as {'2024-01-31': 0.012}")
    return {_day(file, trial, day): _fraction(file, trial, day, value) for day, value in given.items()}


def _day(file: TrialFile, trial: StudyTrial, text: Any) -> int:
    try:
        return day_start_ms(str(text))
    except ConfigurationError:
        raise file.fault(trial.where, RETURNS, text, "a day such as 2024-01-31") from None


def _fraction(file: TrialFile, trial: StudyTrial, day: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not LOWEST <= value <= HIGHEST:
        raise file.fault(trial.where, f"{RETURNS} of {day}", value, FRACTION)
    return float(value)
