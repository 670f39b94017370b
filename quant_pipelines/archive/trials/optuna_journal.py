"""Optuna's journal file: an operation a line, replayed as Optuna replays it."""

from collections.abc import Callable
from typing import Any

from quant_pipelines.archive.trials.json_lines import read_json_lines
from quant_pipelines.archive.trials.layout import TrialFile, TrialLayout
from quant_pipelines.archive.trials.optuna_values import (
    RETURNS,
    StoredStudy,
    StudyTrial,
    chosen_study,
    search_of,
)
from quant_pipelines.optimize.imported import ImportedSearch

_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")
_UNFINISHED = ("RUNNING", "WAITING")


class _Journal:
    """Studies and trials as far as the operations went; ids count up, those of deleted studies too."""

    def __init__(self) -> None:
        self.studies: dict[int, StoredStudy] = {}
        self._begun_studies = 0
        self._trials: list[tuple[StoredStudy, int]] = []
        self._operations: dict[int, Callable[[dict[str, Any]], None]] = {
            0: self._create_study,
            1: self._delete_study,
            4: self._create_trial,
            5: self._set_parameter,
            6: self._set_state,
            8: self._set_attribute,
        }

    def apply(self, row: dict[str, Any]) -> None:
        """Carry out an operation; those that say nothing of trials change nothing."""
        operation = self._operations.get(int(row["op_code"]))
        if operation is not None:
            operation(row)

    def _create_study(self, row: dict[str, Any]) -> None:
        if any(study.name == row["study_name"] for study in self.studies.values()):
            return
        directions = tuple(_DIRECTIONS[int(one)] for one in row["directions"])
        self.studies[self._begun_studies] = StoredStudy(str(row["study_name"]), directions, [])
        self._begun_studies += 1

    def _delete_study(self, row: dict[str, Any]) -> None:
        self.studies.pop(int(row["study_id"]), None)

    def _create_trial(self, row: dict[str, Any]) -> None:
        study = self.studies.get(int(row["study_id"]))
        if study is None:
            return
        values = row.get("values") or ([] if row.get("value") is None else [row["value"]])
        texts = row.get("distributions") or {}
        parameters = {name: (value, texts.get(name, "")) for name, value in (row.get("params") or {}).items()}
        returns = (row.get("user_attrs") or {}).get(RETURNS)
        state = _STATES[int(row.get("state", 0))]
        number = len(study.trials)
        study.trials.append(StudyTrial(number, state, parameters, tuple(values), returns))
        self._trials.append((study, number))

    def _change(self, row: dict[str, Any], **changes: Any) -> None:
        """Change a trial that is not finished; Optuna, too, ignores what comes later."""
        study, number = self._trials[int(row["trial_id"])]
        if study.trials[number].state in _UNFINISHED:
            study.trials[number] = study.trials[number]._replace(**changes)

    def _set_parameter(self, row: dict[str, Any]) -> None:
        study, number = self._trials[int(row["trial_id"])]
        added = {str(row["param_name"]): (row["param_value_internal"], str(row["distribution"]))}
        self._change(row, parameters={**study.trials[number].parameters, **added})

    def _set_state(self, row: dict[str, Any]) -> None:
        self._change(row, state=_STATES[int(row["state"])], values=tuple(row.get("values") or ()))

    def _set_attribute(self, row: dict[str, Any]) -> None:
        if RETURNS in row["user_attr"]:
            self._change(row, returns=row["user_attr"][RETURNS])


def _is_of(file: TrialFile) -> bool:
    return file.head.lstrip().startswith(b"{") and b'"op_code"' in file.head


def _read(file: TrialFile) -> ImportedSearch:
    journal = _Journal()

    def apply(number: int, row: dict[str, Any]) -> None:
        try:
            journal.apply(row)
        except (KeyError, TypeError, ValueError, IndexError):
            raise file.fault(f"line {number}", "its operation", row, "one of Optuna's journal") from None

    lines = read_json_lines(file, apply)
    name = chosen_study(file, [study.name for study in journal.studies.values()])
    study = next(study for study in journal.studies.values() if study.name == name)
    return search_of(file, study, lines.notes)


LAYOUT = TrialLayout(name="optuna_journal", about="an Optuna journal file", is_of=_is_of, read=_read)
