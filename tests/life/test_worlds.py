"""A short duel that something befalls: what must be true holds, and each check sees a broken world."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any, Final

import numpy as np
import pytest
from sqlalchemy import Engine, select

from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import challenges, deployments, whitelist
from tests.life import duel
from tests.life.broken import BEGUN, BROKEN, KEPT_UNTIL, STRIKES, forget_a_leg, short
from tests.life.databases import copied
from tests.life.kills import Killed
from tests.life.scene import Scene
from tests.life.scenes import delisted, kept, restored
from tests.life.year import World

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

SEED: Final = 1
N_KILLS: Final = 2
QUICK: Final = ("a coin that nobody takes off the list", "a canary that can send no order")
"""The others by hand: make life ARGS=--broken."""


@pytest.fixture(scope="module")
def begun(postgres: EmbeddedPostgres, template_url: str) -> Iterator[str]:
    """Name of a database with an incumbent at the venue, on the eve of its duel."""
    name = "duel_begun"
    with copied(template_url, postgres.url(name), "quant_template") as engine:
        World(engine, SEED, short(duel.DUEL)).live(until=BEGUN)
        engine.dispose()
        yield name


Living = Callable[[Scene, int], World]


@pytest.fixture
def living(postgres: EmbeddedPostgres, template_url: str, begun: str) -> Iterator[Living]:
    """Live a scene from that eve up to a day."""
    with ExitStack() as held:

        def live(scene: Scene, until: int) -> World:
            url = postgres.url(f"duel_{next(numbers)}")
            world = World(held.enter_context(copied(template_url, url, begun)), SEED, scene)
            world.live(BEGUN, until)
            return world

        numbers = count()
        yield live


def state(engine: Engine) -> list[Any]:
    """What stands in the end, whoever came to it first."""
    books = select(deployments.c.symbol, deployments.c.stage, newest_capital()).order_by(deployments.c.id)
    ended = select(challenges.c.kind, challenges.c.outcome, challenges.c.ended_at).order_by(challenges.c.id)
    listed = select(whitelist.c.symbol, whitelist.c.leaving_since).order_by(whitelist.c.symbol)
    with transaction(engine) as connection:
        return [connection.execute(query).all() for query in (books, ended, listed)]


def test_a_delisted_coin_is_traded_no_more_and_no_kill_changes_anything(
    postgres: EmbeddedPostgres, template_url: str, living: Living
) -> None:
    scene = short(delisted.SCENE)
    eve = living(scene, STRIKES)
    assert not eve.has_befallen
    eve.engine.dispose()
    name = str(eve.engine.url.database)
    with copied(template_url, postgres.url("duel_whole"), name) as engine:
        world = World(engine, SEED, scene)
        world.kills.strike(None)
        world.live(STRIKES, STRIKES + 1)
        edges, whole = world.kills.seen, state(engine)
        world.live(STRIKES + 1, STRIKES + delisted.GONE_AFTER + 1)
        assert world.has_befallen
        assert world.outcome().violations == ()
    for at in sorted(np.random.default_rng(SEED).choice(edges, N_KILLS, replace=False) + 1):
        with copied(template_url, postgres.url(f"duel_killed_{at}"), name) as engine:
            world = World(engine, SEED, scene)
            world.kills.strike(int(at))
            with pytest.raises(Killed):
                world.live(STRIKES, STRIKES + 1)
            engine.dispose()
            again = World(engine, SEED, scene)
            again.live(STRIKES, STRIKES + 1)
            assert state(engine) == whole, f"killed at edge {at} of {edges}"
            assert again.outcome().violations == ()


def test_a_database_of_yesterday_changes_nothing_but_that_people_are_asked_again(living: Living) -> None:
    twin, world = living(short(duel.DUEL), STRIKES), living(short(restored.SCENE), STRIKES)
    assert world.has_befallen
    assert world.outcome().violations == ()
    assert state(world.engine) == state(twin.engine)


def test_a_set_goes_on_in_its_book_with_the_parameters_that_won(
    postgres: EmbeddedPostgres, template_url: str
) -> None:
    scene = short(kept.SCENE)._replace(symbols=(kept.SET,))
    with copied(template_url, postgres.url("kept_set"), "quant_template") as engine:
        world = World(engine, SEED, scene)
        world.live(until=KEPT_UNTIL)
        assert world.outcome().violations == ()
        with transaction(engine) as connection:
            (one, *_) = kept.won(connection)
        assert (one.symbol, one.parameters) == (kept.SET, {"window": 21})
        forget_a_leg(engine)
        assert any("the change says" in found for found in world.outcome().violations)


@pytest.mark.parametrize("name", QUICK)
def test_a_check_sees_what_is_broken(living: Living, name: str) -> None:
    broken = BROKEN[name]
    world = living(broken.broken_scene, broken.until)
    broken.spoil(world.engine)
    assert broken.lacks(world.outcome().violations) == ()
