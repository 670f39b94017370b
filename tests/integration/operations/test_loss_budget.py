"""A lived world tells of a challenger that goes on beyond its loss budget, not of one that was taken back."""

from collections.abc import Callable
from typing import Any

import pytest

from quant_pipelines.operations.challenges import take_back_failed
from tests.integration.operations.test_challengers import LADDER, challenger_of, incumbent_of, worth
from tests.life.outcome import outcome_of

pytestmark = pytest.mark.postgres


def test_a_challenger_beyond_its_budget_is_a_violation_until_it_is_taken_back(
    world: Any, later: Callable[[float], Any]
) -> None:
    incumbent_of(world)
    shadow = challenger_of(world)
    worth(world, shadow, 9_000.0)
    told = f"deployment:{shadow} has lost 10.0% and goes on, beyond 5%"
    assert told in outcome_of(world.engine).violations
    day = later(1)
    (receipt,) = take_back_failed(day.engine, LADDER, day.clock)
    assert "rolled_back" in receipt.summary
    assert told not in outcome_of(world.engine).violations
