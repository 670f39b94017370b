"""The first weeks of a world: killed on the day of a promotion, and with a second person who is silent."""

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select

from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments
from tests.life.databases import copied
from tests.life.kills import Killed
from tests.life.scene import PEOPLE, Scene
from tests.life.truth import COURSES
from tests.life.year import World

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

SEED = 1
SCENE = Scene({name: COURSES[name] for name in ("misfitted", "noise_a", "noise_b")})
PROMOTES = 31
"""On this day of the year the ladder takes a deployment from paper to shadow."""
LIVE = 54
N_KILLS = 5


@pytest.fixture(scope="module")
def begun(postgres: EmbeddedPostgres, template_url: str) -> Iterator[str]:
    """Name of a database with the world up to the day of the promotions."""
    name = "life_begun"
    with copied(template_url, postgres.url(name), "quant_template") as engine:
        World(engine, SEED, SCENE).live(until=PROMOTES)
        engine.dispose()
        yield name


def test_edge_becomes_live_noise_does_not_and_no_kill_changes_anything(
    postgres: EmbeddedPostgres, template_url: str, begun: str
) -> None:
    with copied(template_url, postgres.url("life_whole"), begun) as engine:
        world = World(engine, SEED, SCENE)
        world.kills.strike(None)
        world.live(PROMOTES, PROMOTES + 1)
        edges, whole = world.kills.seen, world.outcome()
        world.live(PROMOTES + 1, LIVE)
        assert world.outcome().violations == ()
        assert [one.unit.strategy for one in world.promotions] == ["misfitted"]
        assert not any(one.is_false for one in world.promotions)
    assert whole.violations == ()
    for at in sorted(np.random.default_rng(SEED).choice(edges, N_KILLS, replace=False) + 1):
        with copied(template_url, postgres.url(f"life_killed_{at}"), begun) as engine:
            world = World(engine, SEED, SCENE)
            world.kills.strike(int(at))
            with pytest.raises(Killed):
                world.live(PROMOTES, PROMOTES + 1)
            engine.dispose()
            again = World(engine, SEED, SCENE)
            again.live(PROMOTES, PROMOTES + 1)
            assert again.outcome() == whole, f"killed at edge {at} of {edges}"


def test_no_money_moves_while_the_second_person_is_silent(
    postgres: EmbeddedPostgres, template_url: str, begun: str
) -> None:
    """The same world, whose edge is live by then where both answer."""
    with copied(template_url, postgres.url("life_silent"), begun) as engine:
        world = World(engine, SEED, SCENE._replace(people=PEOPLE[:1]))
        world.live(PROMOTES, LIVE)
        assert world.outcome().violations == ()
        assert world.promotions == ()
        with transaction(engine) as connection:
            stages = set(connection.execute(select(deployments.c.stage)).scalars())
        assert "shadow" in stages
        assert not stages & set(ORDER_STAGES)
