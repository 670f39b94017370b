"""All faults by name, and which of them a world has."""

import random
from collections.abc import Iterable
from typing import TypeAlias

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
_APART = frozenset({"strange_body"})
"""Faults that no seed draws, for they would make other worlds of all that are known: see `only`."""
_MOST_AT_ONCE = 12
MOST_OF_FEW = 6
"""How many faults a world has that are chosen and not drawn."""

Swarm: TypeAlias = dict[str, float]
"""Faults of a world, and how often each happens."""


def swarm(chance: random.Random) -> Swarm:
    """Some of the faults, each at a rate of its own."""
    names = chance.sample(usual(), chance.randint(3, _MOST_AT_ONCE))
    return {name: chance.uniform(*FAULTS[name]) for name in sorted(names)}


def only(names: Iterable[str], chance: random.Random) -> Swarm:
    """These faults alone, or some of them where they are many; each at one of its higher rates."""
    known = sorted(names)
    chosen = known if len(known) <= MOST_OF_FEW else sorted(chance.sample(known, MOST_OF_FEW))
    rates = {name: FAULTS[name] for name in chosen}
    return {name: chance.uniform((least + most) / 2, most) for name, (least, most) in rates.items()}


def usual() -> list[str]:
    """Faults that the swarms of seeds draw."""
    return sorted(FAULTS.keys() - _APART)
