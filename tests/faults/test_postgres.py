"""The same worlds on PostgreSQL are the same to the last byte, and its rows are those of the memory."""

from dataclasses import replace
from operator import attrgetter

import pytest
from sqlalchemy import Engine

from quant_pipelines.store.deployments import Deployment
from tests.faults.deployments import Deploy, deployment_at, pair_at
from tests.faults.doubled import DoubledJournal
from tests.faults.test_swarm import FIRST
from tests.faults.world import play, played
from tests.memory_journal import MemoryJournal

pytestmark = pytest.mark.postgres

N_SEEDS = 30
SETS = (3, 9, 11)
"""Seeds of worlds whose legs are entered, and of which one is refused or stopped."""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + N_SEEDS))
@pytest.mark.usefixtures("quietly")
def test_a_world_on_postgres_is_the_world_in_memory(seed: int, engine: Engine) -> None:
    assert_is_the_same(seed, engine, deployment_at)


@pytest.mark.parametrize("seed", SETS)
@pytest.mark.usefixtures("quietly")
def test_a_world_of_a_set_on_postgres_is_the_world_in_memory(seed: int, engine: Engine) -> None:
    assert_is_the_same(seed, engine, pair_at)


def assert_is_the_same(seed: int, engine: Engine, deploy: Deploy) -> None:
    """Play a world on the server, and once more in memory."""

    def keep(memory: MemoryJournal, deployment: Deployment) -> DoubledJournal:
        return DoubledJournal(memory, engine, deployment)

    with played(seed, keep=keep, deploy=deploy) as world:
        stored, memory = world.rows, world.journal
        by_name = attrgetter("intent.client_order_id")  # two clocks stamp them: the venue's and the market's
        for key in memory.deployments:
            ours, theirs = memory.read_orders(key), stored.read_orders(key)
            assert sorted(theirs, key=by_name) == sorted(ours, key=by_name)
            assert replace(stored.read_book(key), progress={}) == memory.read_book(key)  # of paper books
        assert stored.read_controls() == memory.read_controls()
        assert world.digest() == play(seed, deploy=deploy).digest
