"""Marks of the page: rows of a table, shares with their intervals, what reaches what is asked."""

from collections.abc import Sequence
from typing import Any

from benchmarks.calibrate.intervals import clopper_pearson

MOST_IN_MONTH, MOST_IN_YEAR = 0.05, 0.1


def table(head: str, lines: Sequence[str]) -> list[str]:
    """Lines under a head, ``a | b``; nothing where there are none."""
    if not lines:
        return ["Not measured yet."]
    return [f"| {head} |", "|" + "---|" * len(head.split(" | ")), *lines]


def row_line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def share(hits: int, n: int) -> str:
    """Share with its exact 95 % interval."""
    if not n:
        return "none"
    low, high = clopper_pearson(hits, n)
    return f"{hits / n:.3f} [{low:.3f}, {high:.3f}]"


def reaches(month: float, year: float) -> str:
    """Whether upper bounds of false promotions are within what is asked."""
    return yes(month <= MOST_IN_MONTH and year <= MOST_IN_YEAR)


def yes(is_reached: bool) -> str:
    return "yes" if is_reached else "**no**"
