"""What makes bars unusable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BarFault:
    """One value that makes bars unusable.

    Parameters
    ----------
    index
        Position of the bar.
    name
        Column.
    value
        What stands there.
    expected
        What should.
    """

    index: int
    name: str
    value: float
    expected: str
