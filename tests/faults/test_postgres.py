"""The same worlds on PostgreSQL are the same to the last byte, and its rows are those of the memory."""

from dataclasses import replace
from operator import attrgetter

import pytest
from sqlalchemy import Engine

from quant_pipelines.store.deployments import Deployment
from tests.faults.doubled import DoubledJournal
from tests.faults.test_swarm import FIRST
from tests.faults.world import play, played
from tests.memory_journal import MemoryJournal

pytestmark = pytest.mark.postgres

N_SEEDS = 30


@pytest.mark.parametrize("seed", range(FIRST, FIRST + N_SEEDS))
@pytest.mark.usefixtures("quietly")
def test_a_world_on_postgres_is_the_world_in_memory(seed: int, engine: Engine) -> None:
    def keep(memory: MemoryJournal, deployment: Deployment) -> DoubledJournal:
        return DoubledJournal(memory, engine, deployment)

    with played(seed, keep=keep) as world:
        stored, memory = world.rows, world.journal
        key = world.deployment.id
        by_name = attrgetter("intent.client_order_id")  # two clocks stamp them: the venue's and the market's
        assert sorted(stored.read_orders(key), key=by_name) == sorted(memory.read_orders(key), key=by_name)
        assert replace(stored.read_book(key), progress={}) == memory.read_book(key)  # that is of paper books
        assert stored.read_controls() == memory.read_controls()
        assert world.digest() == play(seed).digest
