"""The one place that draws by chance."""

import random
from collections.abc import Callable
from typing import TypeAlias

Chance: TypeAlias = Callable[[], float]
"""Uniform in [0, 1); passed in wherever chance spreads something."""


def system_chance() -> float:
    """Draw from the process's own generator, which nobody can repeat."""
    return random.random()  # noqa: S311 - it spreads load, and hides nothing
