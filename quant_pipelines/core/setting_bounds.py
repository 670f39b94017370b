"""Looks up what settings may be, by name or for whole values."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.settings import Settings


def bounds_of(name: str) -> Bounds:
    """Look up what a setting may be, by its dotted name.

    Examples
    --------
    >>> from quant_pipelines.core.setting_bounds import bounds_of
    >>> bounds_of("costs.fee_bps").range_text
    'a value in [-10, 1000]'
    """
    return all_bounds()[name]


@cache
def all_bounds() -> dict[str, Bounds]:
    """List what every setting may be, by dotted names such as ``exchange.base_url``, as they are declared."""
    return dict(_bounds_in(Settings, ""))


def _bounds_in(tree: Any, prefix: str) -> Iterator[tuple[str, Bounds]]:
    for one in dataclasses.fields(tree):
        if dataclasses.is_dataclass(one.default):
            yield from _bounds_in(type(one.default), f"{prefix}{one.name}.")
        else:
            yield f"{prefix}{one.name}", one.metadata["bounds"]


def first_fault(values: Any, prefix: str = "") -> str:
    """Sentence on the first value of a settings value that it may not have; empty where there is none.

    Parameters
    ----------
    values
        `Settings`, or one of its groups.
    prefix
        What stands before each name in the sentence.

    Examples
    --------
    >>> from quant_pipelines.core.setting_bounds import first_fault
    >>> from quant_pipelines.core.settings import CostSettings
    >>> first_fault(CostSettings(fee_bps=float("inf")), "costs.")
    'costs.fee_bps is inf; expected a value in [-10, 1000]'
    """
    for one in dataclasses.fields(values):
        value, name = getattr(values, one.name), f"{prefix}{one.name}"
        inside = dataclasses.is_dataclass(value)
        fault = first_fault(value, f"{name}.") if inside else one.metadata["bounds"].fault(name, value)
        if fault:
            return fault
    return ""
