"""How a setting is declared: its packaged value, its description with unit, and what it may be."""

from dataclasses import field
from typing import Any, Literal

from quant_pipelines.core.bounds import Bounds


def setting(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Field of a settings value with its description and unit.

    Parameters
    ----------
    default
        The packaged value.
    description
        What it means, with its unit.
    low, high
        Smallest and largest value that is accepted; NaN and infinities never are.
    choices
        Values that are accepted, when there are only a few.
    """
    metadata = {"description": description, "bounds": Bounds(low, high, choices), "of": ""}
    return field(default=default, metadata=metadata)


def name_setting(default: Any, description: str, of: Literal["exchange", "symbol", "instrument set"]) -> Any:
    """Field of a settings value that is a name, or several, of what is traded; a root proves it."""
    metadata = {"description": description, "bounds": Bounds(), "of": of}
    return field(default=default, metadata=metadata)
