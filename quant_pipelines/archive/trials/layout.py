"""What one layout of trials is; nothing here knows a single tool."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from quant_pipelines.core.errors import DataError
from quant_pipelines.optimize.imported import ImportedSearch

LOWEST, HIGHEST = -1.0, 10.0
"""Smallest and largest daily return that is taken for one: beyond stand per cent, or equity."""
FRACTION = "a daily return as a fraction from -1 to 10, such as 0.012 for 1.2 %"
_LONGEST = 60


class TrialFile(NamedTuple):
    """A file of trials.

    Parameters
    ----------
    path
        Where it is.
    head
        Its first bytes, by which its layout is found.
    study
        Which of several searches in it is meant; empty where there is one.
    """

    path: Path
    head: bytes = b""
    study: str = ""

    def fault(self, where: str, name: str, value: Any, expected: str) -> DataError:
        """Sentence for a value that can't be used.

        Parameters
        ----------
        where
            Line, table or row.
        name, value, expected
            Field, what stands there, and what would do.
        """
        return DataError(f"{self.path}: {where}: {name} is {shown(value)}; expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLayout:
    """One tool's layout: one row of the table.

    Parameters
    ----------
    name, about
        As it is stated, and what it is in a few words.
    is_of
        Whether a file is of it, by its name and its head.
    read
        All of its trials.
    """

    name: str
    about: str
    is_of: Callable[[TrialFile], bool]
    read: Callable[[TrialFile], ImportedSearch]


def shown(value: Any) -> str:
    """Value as a sentence shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def number_of(file: TrialFile, where: str, name: str, value: Any) -> float:
    """Read a number that a file must have.

    Raises
    ------
    DataError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise file.fault(where, name, value, "a number")
    return float(value)
