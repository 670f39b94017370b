"""A new version against the incumbent: days that their records get while it waits count, once a week."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select

from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.tables import optimizer_tasks, record_days, strategy_versions
from tests.integration.operations.test_challengers import challenger_of, incumbent_of, refused

pytestmark = pytest.mark.postgres


def grow_records(world: Any, first: date, more: dict[str, list[float]]) -> None:
    """Add days to the records of texts."""
    shared = {"fold": 0, "is_warm": True, "cover": [], "trades": [], "computed_at": world.now}
    with world.engine.begin() as connection:
        for text, returns in more.items():
            of_text = select(optimizer_tasks.c.record_id).join(
                strategy_versions, strategy_versions.c.id == optimizer_tasks.c.strategy_version_id
            )
            found = connection.execute(of_text.where(strategy_versions.c.content_hash == text).limit(1))
            record_id = found.scalar_one()
            rows = [
                shared | {"record_id": record_id, "day": first + timedelta(days=at), "daily_return": value}
                for at, value in enumerate(returns)
            ]
            connection.execute(insert(record_days), rows)


def test_days_since_the_verdict_count_in_the_paired_test_once_a_week(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent_of(world)
    shadow = challenger_of(world, text="new text")
    chance, first = np.random.default_rng(4), world.now.date() - timedelta(days=200)
    luck = chance.normal(0.0, 0.01, (2, 207))
    grow_records(world, first, {"abc": list(luck[0]), "new text": list(luck[1])})
    before = refused(later(10), ann, shadow, "canary")
    assert "standard errors; expected more than" in before
    better = chance.normal(0.02, 0.01, 60)
    more = {"abc": [0.0] * 60, "new text": list(better)}
    grow_records(world, first + timedelta(days=207), more)
    after = refused(later(70), ann, shadow, "canary")
    assert "paired_test" not in after
    assert "capital_decision" in after  # its own record still has to earn capital
