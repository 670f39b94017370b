"""Where code notes what it did: a call that costs nothing until the process shows metrics.

A note never fails and never waits: whoever trades must not notice that somebody counts.
"""

from collections.abc import Mapping
from typing import Protocol


class Notes(Protocol):
    """Who takes notes; names and labels are those of the table of metrics."""

    def add(self, name: str, amount: float, labels: Mapping[str, object]) -> None:
        """Add to a counter."""

    def observe(self, name: str, value: float, labels: Mapping[str, object]) -> None:
        """Take a value into a histogram."""


class _Nobody:
    def add(self, name: str, amount: float, labels: Mapping[str, object]) -> None:
        pass

    def observe(self, name: str, value: float, labels: Mapping[str, object]) -> None:
        pass


class _Desk:
    """Who takes the notes of this process."""

    notes: Notes = _Nobody()


def take_notes(notes: Notes | None) -> None:
    """Have somebody take this process's notes from now on; None: nobody."""
    _Desk.notes = _Nobody() if notes is None else notes


def count(name: str, amount: float = 1.0, **labels: object) -> None:
    """Count what happened, under a counter of the table."""
    _Desk.notes.add(name, amount, labels)


def observe(name: str, value: float, **labels: object) -> None:
    """Note a value, in the unit of its row of the table."""
    _Desk.notes.observe(name, value, labels)
