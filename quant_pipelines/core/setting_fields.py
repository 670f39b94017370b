"""Fields of settings values: each carries its description, its unit and what it may be."""

from dataclasses import field
from typing import Any, Final, Literal, TypeAlias

from quant_pipelines.core.bounds import Bounds

NameKind: TypeAlias = Literal[
    "exchange",
    "symbol",
    "instrument set",
    "channel",
    "hours",
    "template",
    "cluster",
    "host",
    "origin",
    "network",
    "chatter",
    "api address",
    "vault",
]
"""What a setting names: what is traded; where alerts go, when and how they read; where searches run; who may
call the gateway, and who may command from a chat."""
SECRET_KINDS: Final = frozenset({"channel"})
"""Kinds whose values hold secrets: no sentence, listing or representation shows them."""


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


LEAST_LIMIT, MOST_LIMIT = 1e-9, 10**15
"""What is smaller or larger is a slip: no limit of any kind is meant so, and within 0 nobody could trade."""


def limit_setting(
    default: float, description: str, *, low: float = LEAST_LIMIT, high: float = MOST_LIMIT
) -> Any:
    """Field of a settings value that seeds a limit: the same values as may be set by a person later."""
    return setting(default, description, low=low, high=high)


def file_setting(default: str, description: str, choices: tuple[str, ...]) -> Any:
    """Field of a settings value that is one of a few names or the path of a Python file."""
    metadata = {"description": description, "bounds": Bounds(choices=choices, or_file=True), "of": ""}
    return field(default=default, metadata=metadata)


def name_setting(default: Any, description: str, of: NameKind) -> Any:
    """Field of a settings value that is a name, or several, of a kind; a root proves it."""
    metadata = {"description": description, "bounds": Bounds(), "of": of}
    return field(default=default, metadata=metadata, repr=of not in SECRET_KINDS)
