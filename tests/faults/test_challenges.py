"""A challenger goes all the way, or back, among faults: its books and those of its incumbent stay exact."""

from collections import Counter
from decimal import Decimal

import pytest

from quant_pipelines.core.ids import deployment_of
from quant_pipelines.trading.capital import TRANSFER
from tests.faults.challenge import Challenge
from tests.faults.world import World, play, played

INCUMBENT, SHADOW, CANARY = 7, 8, 9


def paid(world: World) -> Counter[int]:
    """Sum of the capital that each book was paid."""
    found: Counter[int] = Counter()
    for (key, *_), row in world.journal.tables.income.items():
        found[key] += row.amount if row.kind == TRANSFER else Decimal(0)  # type: ignore[assignment] - a decimal
    return found


@pytest.mark.parametrize(("seed", "way"), [(1, "taken"), (2, "back")])
def test_each_step_of_a_challenge_is_driven_by_the_runner(seed: int, way: str) -> None:
    challenges: list[Challenge] = []
    with played(seed, 60, is_faulty=False, prepare=lambda one: challenges.append(Challenge(one))) as world:
        tables, flows = world.journal.tables, paid(world)
        filled = Counter(key for key, _ in tables.fills.values())
        sent = {deployment_of(one.client_id) for one in world.evidence.orders()}
        held = {key: row.quantity for (key, _), row in tables.positions.items()}
        assert world.found == {}
    assert challenges[0].ways == {way: 1}
    assert min(filled[key] for key in (INCUMBENT, SHADOW, CANARY)) > 0
    assert INCUMBENT in sent
    assert sent <= {INCUMBENT, CANARY}  # a canary's orders may all cross with those of the incumbent
    left = INCUMBENT if way == "taken" else CANARY
    assert held[left] == 0
    assert flows[INCUMBENT] < 0 if way == "taken" else flows[INCUMBENT] <= 0
    assert (flows[CANARY] > 0) == (way == "taken")


@pytest.mark.parametrize("seed", [3, 4])
def test_nothing_is_violated_where_a_challenge_meets_faults(seed: int) -> None:
    assert play(seed, 120, prepare=Challenge).violations == {}
