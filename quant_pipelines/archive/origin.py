"""Where rows come from: the file, and the number under which its reader finds each row."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError


class NoRowsError(DataError):
    """A file has no row of the kind that is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A file and the numbers of the rows that were taken of it.

    Parameters
    ----------
    path
        File.
    first_row
        Number of its first row of data: a text file's lines count from 1, its header included; Parquet's rows
        count from 0.
    kept
        Position in the file of each row that is held; None while all are, in the file's order.
    """

    path: Path
    first_row: int = 0
    kept: IntArray | None = field(default=None)

    @property
    def is_turned(self) -> bool:
        """Whether the last row stands before the first in the file."""
        return self.kept is not None and bool(self.kept[0] > self.kept[-1])

    def number(self, index: int) -> int:
        """Tell the number in the file of a row that is held, by its position."""
        return self.first_row + (index if self.kept is None else int(self.kept[index]))

    def row(self, index: int) -> str:
        """Name of a row in a sentence."""
        return f"row {self.number(index)}"

    def taken(self, chosen: np.ndarray) -> Self:
        """Origin of chosen rows: positions, or a flag for each row."""
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return replace(self, kept=positions if self.kept is None else self.kept[positions])

    def fault(self, name: str, value: Any, index: int, expected: str) -> DataError:
        """Sentence for a value that can't be used."""
        return DataError(f"{self}: {name} is {value} at {self.row(index)}; expected {expected}")

    def __str__(self) -> str:
        return f"archive file {self.path}"
