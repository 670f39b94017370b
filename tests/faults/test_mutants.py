"""A few runners that are broken on purpose are seen at once; ``make mutants`` tries all of them."""

import pytest

from live_runner.venue import covering
from quant_pipelines.trading import cover
from tests.faults.mutants import MUTANTS, hunt

pytestmark = pytest.mark.usefixtures("quietly")

CHEAP = ("send-first", "epoch", "double", "each-message", "no-fees", "no-stop", "wrong-side")


@pytest.mark.parametrize("name", CHEAP)
def test_a_broken_runner_is_seen_within_a_few_worlds(name: str) -> None:
    caught = hunt(MUTANTS[name], 3)
    assert caught.worlds is not None
    assert MUTANTS[name].invariants & {violation.invariant for violation in caught.violations}


def test_every_mutant_replaces_names_that_exist() -> None:
    for mutant in MUTANTS.values():
        with mutant.apply():  # a name that has moved is a KeyError
            pass


def test_a_mutant_ends_with_its_block() -> None:
    with MUTANTS["no-stop"].apply():
        assert covering.next_action is not cover.next_action
    assert covering.next_action is cover.next_action
