"""Events of the breaker that limits trip: a world's seed sets none, so each has a world of its own here."""

from typing import NamedTuple

import pytest

from tests.faults.world import World, played

OPENING_REFUSED = "reject-2019"


class Tripped(NamedTuple):
    """Limits of the account, how often faults happen, and seeds with which an event trips its breaker."""

    limits: dict[str, float]
    rates: dict[str, float]
    seeds: tuple[int, ...]

    def prepare(self, world: World) -> None:
        """Let a world begin so."""
        world.journal.tables.limits["account"] = dict(self.limits)
        world.rates |= self.rates


WORLDS = {
    "rejects": Tripped({"max_rejects": 1.0}, {OPENING_REFUSED: 0.8}, seeds=(1, 3)),
    # Orders are sized by what a book is worth, so that the same quantity comes twice in few worlds.
    "repeated_execution": Tripped({"max_repeated_executions": 1.0}, {}, seeds=(2,)),
    "account_loss": Tripped({"max_account_loss_fraction": 0.0003}, {}, seeds=(1, 2)),
}
CELLS = [(event, seed) for event, row in WORLDS.items() for seed in row.seeds]


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize(("event", "seed"), CELLS)
def test_an_event_that_a_limit_trips_violates_nothing(event: str, seed: int) -> None:
    with played(seed, 400, is_faulty=False, prepare=WORLDS[event].prepare) as world:
        outcome = world.outcome(seed)
    assert outcome.violations == {}
    assert outcome.trips[event] > 0
