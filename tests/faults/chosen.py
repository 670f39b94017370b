"""Worlds of a few chosen faults: some happen so seldom in the swarms of seeds that no run shows them."""

import random
from collections.abc import Iterable

from tests.faults.lives import Supervisor
from tests.faults.table import FAULTS, only
from tests.faults.world import World

RARE = "rare"
"""The faults that a run has shown least so far."""


class Chosen:
    """Gives a world some of the named faults in the place of those that its seed draws.

    Parameters
    ----------
    names
        Of faults.
    seed
        Draws which of them, and how often each happens.
    """

    def __init__(self, names: Iterable[str], seed: int) -> None:
        self._names = tuple(names)
        self._chance = random.Random(seed)

    def __call__(self, world: World) -> None:
        """Change a world that has not begun."""
        had_two = "second_runner" in world.rates
        world.rates.clear()
        world.rates |= only(self._names, self._chance)
        has_two = "second_runner" in world.rates
        world.network.fired["second_runner"] += has_two - had_two
        if had_two:
            del world.supervisors[1:]
        if has_two:
            world.supervisors.append(Supervisor(world._live, world.chance))


def names_of(told: str) -> tuple[str, ...]:
    """Faults of a comma-separated text; none for ``rare``.

    Raises
    ------
    ValueError
        If there is no such fault.
    """
    names = () if told == RARE else tuple(told.split(","))
    for name in names:
        if name not in FAULTS:
            raise ValueError(f"no fault {name!r}; expected some of {', '.join(sorted(FAULTS))}")
    return names
