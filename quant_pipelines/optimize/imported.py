"""A search that another tool made: every trial of its file, and how many they really are."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.arrays import FloatArray, IntArray

TrialStatus: TypeAlias = Literal["complete", "pruned", "failed", "running", "waiting"]
"""How far a trial came; what is waiting was never begun."""
Goal: TypeAlias = Literal["highest", "lowest"]


class ImportedTrial(NamedTuple):
    """One trial as its file has it.

    Parameters
    ----------
    name
        What the file calls it: an epoch, a number, a column.
    parameters
        By name; None where the file does not say.
    status
        How far it came.
    value
        Of the search's objective; None without one.
    returns
        Daily returns, fractions, of all days of the search. ndarray of shape (n_days,), float64; None where
        the file has none.
    copy_of
        Name of an earlier trial that it is, where no parameters tell; empty if it is none.

    Examples
    --------
    >>> from quant_pipelines.optimize.imported import ImportedTrial
    >>> ImportedTrial("17", {"fast": 5}, value=1.2).status
    'complete'
    """

    name: str
    parameters: Mapping[str, Any] | None = None
    status: TrialStatus = "complete"
    value: float | None = None
    returns: FloatArray | None = None
    copy_of: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ImportedSearch:
    """All trials of a file.

    Parameters
    ----------
    kind, name
        What wrote it, and what it calls the search.
    trials
        Every row, in the file's order.
    days
        Starts of the UTC days of the returns, milliseconds, shape (n_days,); none without returns.
    objective, goal
        What was searched for, and which value of it is the best; None without one value a trial.
    notes
        One sentence each for what a reader should know.
    missing_returns
        Why trials have no daily returns, where that is so.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial
    >>> tried = (ImportedTrial(f"{number}", {"fast": fast}) for number, fast in enumerate((5, 9, 5)))
    >>> search = ImportedSearch("a tool", "trend", tuple(tried), np.empty(0, dtype=np.int64))
    >>> search.distinct, search.repeated
    (2, 1)
    """

    kind: str
    name: str
    trials: tuple[ImportedTrial, ...]
    days: IntArray
    objective: str = ""
    goal: Goal | None = None
    notes: tuple[str, ...] = ()
    missing_returns: str = ""

    @property
    def begun(self) -> tuple[ImportedTrial, ...]:
        """Trials of the count: those that were begun, whatever came of them."""
        return tuple(trial for trial in self.trials if trial.status != "waiting")

    @property
    def distinct(self) -> int:
        """Different sets of parameters among them; a trial that names none is one of its own."""
        return len({trial_key(trial) for trial in self.begun})

    @property
    def repeated(self) -> int:
        """Rows that try something again."""
        return len(self.begun) - self.distinct

    @property
    def statuses(self) -> dict[str, int]:
        """Rows by how far they came."""
        return dict(Counter(trial.status for trial in self.trials))

    @property
    def unlike_repeats(self) -> int:
        """Sets of parameters that were tried again with another result."""
        values: dict[str, set[float | None]] = {}
        for trial in self.begun:
            if trial.parameters and trial.status == "complete":
                values.setdefault(trial_key(trial), set()).add(trial.value)
        return sum(len(results) > 1 for results in values.values())


def trial_key(trial: ImportedTrial) -> str:
    """Text that is the same for the same parameters, whatever their order.

    Examples
    --------
    >>> from quant_pipelines.optimize.imported import ImportedTrial, trial_key
    >>> trial_key(ImportedTrial("1", {"slow": 9, "fast": 5}))
    '{"fast": 5, "slow": 9}'
    >>> trial_key(ImportedTrial("b", copy_of="a")) == trial_key(ImportedTrial("a"))
    True
    """
    if trial.parameters:
        return json.dumps(trial.parameters, sort_keys=True, default=str)
    return f"trial {trial.copy_of or trial.name}"
