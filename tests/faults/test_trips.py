"""Events of the breaker that a world's seed does not trip: each has worlds of its own here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading.breaker import ROWS
from tests.faults.deployments import Deploy, deployment_at
from tests.faults.tally import Tally
from tests.faults.world import World, played
from tests.memory_journal import MemoryJournal

OPENING_REFUSED = "reject-2019"
UNREADABLE = "from quant_pipelines.sdk import Strategy\n\n\nclass Flip(Strategy)\n"
"""A text that is none: it lacks a colon."""


class Unbookable:
    """Rows in which a bar can't be booked at the second and third try, as if it had been: a fault of ours.

    Attributes
    ----------
    tried_at
        When a bar was to be booked.
    """

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.tried_at: list[datetime] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def book(self, epoch: int, booking: Any, at: datetime) -> None:
        """Book a bar."""
        self.tried_at.append(at)
        if len(self.tried_at) in (2, 3):
            raise ReconciliationError("the bars were booked before")
        self._journal.book(epoch, booking, at)


class Tripped(NamedTuple):
    """What trips an event: limits of the account, faults, a strategy; and seeds with which it does."""

    seeds: tuple[int, ...]
    limits: Mapping[str, float] = MappingProxyType({})
    rates: Mapping[str, float] = MappingProxyType({})
    deploy: Deploy = deployment_at
    n_books: int = 1

    def prepare(self, world: World) -> None:
        """Let a world begin so."""
        if self.limits:
            world.journal.tables.limits["account"] = dict(self.limits)
        world.rates |= self.rates


def unloadable(now_ms: int, chance: Random) -> Deployment:
    """A canary that can't be loaded."""
    return replace(deployment_at(now_ms, chance), source=UNREADABLE)


WORLDS = {
    "rejects": Tripped((1, 3), {"max_rejects": 1.0}, {OPENING_REFUSED: 0.8}),
    # Orders are sized by what a book is worth, so that the same quantity comes twice in few worlds.
    "repeated_execution": Tripped((2,), {"max_repeated_executions": 1.0}),
    "account_loss": Tripped((1, 2), {"max_account_loss_fraction": 0.0003}),
    "not_loaded": Tripped((1, 5), deploy=unloadable, n_books=2),  # the other book trades on
}
NEVER_TRIPPED = ("failed_again", "not_its_replay")
"""The alert of the first is that of the first failure; the second is found by a replay of the day before."""
CELLS = [(event, seed) for event, row in WORLDS.items() for seed in row.seeds]


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize(("event", "seed"), CELLS)
def test_an_event_that_nothing_else_trips_violates_nothing(event: str, seed: int) -> None:
    row = WORLDS[event]
    beside: dict[str, Any] = {"deploy": row.deploy, "n_books": row.n_books}
    with played(seed, 400, is_faulty=False, prepare=row.prepare, **beside) as world:
        outcome = world.outcome(seed)
    assert outcome.violations == {}
    assert outcome.trips[event] > 0
    assert world.journal.tables.fills or event == "rejects"
    tally = Tally()
    tally.add(outcome)
    assert event not in tally.unvisited_trips()


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("seed", [1, 2])
def test_what_fails_without_deciding_is_left_to_a_person_and_goes_on_then(seed: int) -> None:
    """``failed_again`` has no alert of its own: it is a second try of the same bar, and that none follows."""
    rows = list[Unbookable]()

    def keep(memory: MemoryJournal, _: Deployment) -> Unbookable:
        rows.append(Unbookable(memory))
        return rows[0]

    with played(seed, 400, is_faulty=False, keep=keep) as world:
        outcome = world.outcome(seed)
    assert outcome.violations == {}
    assert outcome.trips["failed"] > 0
    _, failed, failed_again, rearmed, *others = rows[0].tried_at
    assert failed_again - failed < timedelta(seconds=1) < rearmed - failed_again
    assert others


def test_every_event_that_a_person_lifts_is_tripped_by_a_seed_or_here() -> None:
    by_seeds = {"failed", "frozen", "flattened", "margin_short"}
    by_person = {event for event, row in ROWS.items() if row.ends_by == "person"}
    assert by_person == by_seeds | {*WORLDS, *NEVER_TRIPPED}
