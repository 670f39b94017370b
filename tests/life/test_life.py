"""The first weeks of a world, and a process that is killed on the day of a promotion."""

from collections.abc import Iterator

import numpy as np
import pytest

from quant_pipelines.stack.postgres import EmbeddedPostgres
from tests.life.databases import copied
from tests.life.kills import Killed
from tests.life.scenes import Scene
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
