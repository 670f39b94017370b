"""All faults by name, and which of them a world has."""

import random

from tests.faults.messages import MESSAGE_FAULTS
from tests.faults.moments import MOMENTS
from tests.faults.requests import REQUEST_FAULTS

_OF_ROWS = {"commit_lost": (0.01, 0.04), "commit_unknown": (0.01, 0.04)}
_OF_PROCESSES = {"second_runner": (1.0, 1.0)}

FAULTS: dict[str, tuple[float, float]] = {
    **{row.name: row.rate for row in (*REQUEST_FAULTS, *MESSAGE_FAULTS, *MOMENTS)},
    **_OF_ROWS,
    **_OF_PROCESSES,
}
"""Every fault, and between which rates it happens: to what it meets, or in a second."""
_MOST_AT_ONCE = 12


def swarm(chance: random.Random) -> dict[str, float]:
    """Some of the faults, each at a rate of its own."""
    names = chance.sample(sorted(FAULTS), chance.randint(3, _MOST_AT_ONCE))
    return {name: chance.uniform(*FAULTS[name]) for name in sorted(names)}
