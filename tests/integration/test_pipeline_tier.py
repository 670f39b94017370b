"""A generated world through the real search decides as the statistic tier does, to the bit."""

import pytest
from sqlalchemy import Engine

from benchmarks.calibrate.pipeline import played, searched_world

pytestmark = pytest.mark.postgres

SEED = 1


def test_looks_at_stored_records_equal_those_at_days_that_were_searched_at_once(engine: Engine) -> None:
    world = searched_world(engine, SEED)
    found = played(world, SEED)
    assert found.has_trend
    assert found.is_equal
    assert len(found.records) == len(world.looks[-1]) > 0
    (first, *_), other = world.looks[-1], world._replace(looks=world.looks[:1] * len(world.looks))
    assert first["statistic"] is not None
    assert not played(other, SEED).is_equal
