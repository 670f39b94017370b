"""What a row of the table of factors says."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.hotlist.inputs import FactorInputs

Need: TypeAlias = Literal["bars", "open_interest", "funding", "supply"]
"""Stored data that a factor can't do without; where they are missing, the factor is."""


class Factor(NamedTuple):
    """One row: something that may make a coin hot.

    Parameters
    ----------
    name
        Word in scores, settings and verbs.
    value
        Raw value of a symbol; NaN where its data do not reach: missing, never invented.
    direction
        1 where more of it is hotter, -1 where less is.
    weight
        Weight in the score until a setting or a person says another; an *indicator* has 0: it is shown and
        its usefulness is measured, and it counts once a person gives it a weight.
    needs
        Data that it is made of.
    meaning
        Formula in words, with its unit.
    """

    name: str
    value: Callable[[FactorInputs], float]
    direction: Literal[1, -1]
    weight: float
    needs: tuple[Need, ...]
    meaning: str
