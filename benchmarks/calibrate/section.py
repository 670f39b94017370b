"""A section of the calibration: rows that are measured world by world, and what they rest on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.calibrate.store import MeasuredParts


class Section(NamedTuple):
    """Rows of one kind.

    Parameters
    ----------
    name
        First word of a part's name.
    file
        Of the parts; sections that rest on the same code share one.
    sources
        Files and folders that decide what is measured.
    rows
        Keys, JSON values.
    part
        Worlds that are measured before anything is kept.
    most
        Worlds of a row, however many are asked for.
    measure
        Worlds of a row by seed, JSON values; what else it has to know is kept among the parts, too.
    summed
        Figures of a row out of its worlds.
    """

    name: str
    file: str
    sources: Sequence[str]
    rows: Sequence[Any]
    part: int
    most: int
    measure: Callable[[Any, range, MeasuredParts], list[Any]]
    summed: Callable[[list[Any]], Mapping[str, Any]]
