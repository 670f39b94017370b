"""A challenger goes all the way, or back, among faults: its books and those of its incumbent stay exact."""

from collections import Counter
from decimal import Decimal

import pytest

from quant_pipelines.core.ids import deployment_of
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.timeframes import to_ms
from tests.faults.challenge import WAYS, Challenge, Course, Way
from tests.faults.world import World, play, played

INCUMBENT, SHADOW, CANARY = 7, 8, 9


def paid(world: World) -> Counter[int]:
    """Sum of the capital that each book was paid."""
    found: Counter[int] = Counter()
    for (key, *_), row in world.journal.tables.income.items():
        found[key] += row.amount if row.kind == TRANSFER else Decimal(0)  # type: ignore[assignment] - a decimal
    return found


@pytest.mark.parametrize("way", WAYS)
def test_each_step_of_a_challenge_is_driven_by_the_runner(way: Way) -> None:
    course = Course(45.0, 100.0, way)
    challenges: list[Challenge] = []

    def prepare(world: World) -> None:
        challenges.append(Challenge(world, course))

    with played(1, 60, is_faulty=False, prepare=prepare) as world:
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


def test_a_book_that_is_kept_holds_on_through_the_switch_and_goes_on_with_the_new_parameters() -> None:
    held_then: list[Decimal] = []
    challenges: list[Challenge] = []

    def prepare(world: World) -> None:
        challenges.append(
            Challenge(world, Course(45.0, 100.0, "kept"), lambda: held_then.append(held(world)))
        )

    def held(world: World) -> Decimal:
        rows = world.journal.tables.positions.items()
        return sum((row.quantity for (key, _), row in rows if key == INCUMBENT), Decimal(0))

    with played(1, 60, is_faulty=False, prepare=prepare) as world:
        (kept,) = [one.kept for one in challenges]
        fills = [fill for key, fill in world.journal.tables.fills.values() if key == INCUMBENT]
        switched_ms = kept.switched_ms
        assert world.found == {}
        assert switched_ms is not None
        heard = kept.heard_new()
        kept.switched_ms = None  # and that they were never changed is seen to be wrong
        kept.look_at_rest()
        assert {violation.invariant for violation in kept.found} == {"I11"}
    assert held_then[0] != 0
    assert heard
    first_ms = heard[0]
    between = [fill for fill in fills if switched_ms <= to_ms(fill.ts) < first_ms]
    assert between == []  # what it holds is for the new parameters to keep or to close


@pytest.mark.parametrize("seed", [3, 4])
def test_nothing_is_violated_where_a_challenge_meets_faults(seed: int) -> None:
    assert play(seed, 120, prepare=Challenge).violations == {}
