"""Worlds of chosen faults have those alone; and what no seed draws violates nothing either."""

import pytest

from tests.faults.chosen import RARE, Chosen, names_of
from tests.faults.table import FAULTS, usual
from tests.faults.tally import Tally
from tests.faults.world import played


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_world_of_chosen_faults_has_no_other_ones(seed: int) -> None:
    names = ("second_runner", "strange_body")
    with played(seed, prepare=Chosen(names, seed)) as world:
        outcome = world.outcome(seed)
    assert outcome.violations == {}
    assert not outcome.trips["failed"]  # what can't be read is no reason to call a person
    assert {name for name, n in outcome.faults.items() if n} == {*names}
    assert len(world.supervisors) == 2


def test_a_run_is_told_which_faults_it_has_shown_least() -> None:
    tally = Tally()
    tally.faults.update(dict.fromkeys(FAULTS, 3) | {"killed": 1, "delisted": 2})
    assert tally.rarest(2) == ["killed", "delisted"]
    assert names_of("killed,delisted") == ("killed", "delisted")
    assert names_of(RARE) == ()
    with pytest.raises(ValueError, match="no fault 'kiled'; expected some of"):
        names_of("kiled")


def test_what_no_seed_draws_is_known_by_name() -> None:
    assert FAULTS.keys() - usual() == {"strange_body"}
