"""Stops that a strategy places at a venue: filled and booked there, and seen as no cover by the examiners."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from multidict import MultiDict

from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading.purposes import number_of
from tests.faults.canceled import CancelRules
from tests.faults.deployments import BREAKOUTS, deployment_at
from tests.faults.evidence import Violation
from tests.faults.examiner import Examiner
from tests.faults.independent import Independent
from tests.faults.intended import IntentRules
from tests.faults.requests import Asked
from tests.faults.world import World, played

pytestmark = pytest.mark.usefixtures("quietly")


def breaking_out(now_ms: int, chance: Random) -> Deployment:
    return replace(deployment_at(now_ms, chance), source=BREAKOUTS)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # It ends while a position is held, and a stop of the strategy waits beside that of the runner.
    with played(3, 500, is_faulty=False, deploy=breaking_out) as played_one:
        yield played_one


def test_stops_are_placed_triggered_and_filled_and_nothing_is_violated(world: World) -> None:
    assert world.found == {}
    assert "stop_order" in {fill.reason for _, fill in world.journal.tables.fills.values()}
    moves = world.examiner.moves
    assert moves["ACCEPTED", "TRIGGERED"]
    assert moves["TRIGGERED", "FILLED"]
    assert world.cancels.n_judged > 5


def test_what_a_strategy_has_placed_is_no_level(world: World) -> None:
    orders = world.journal.tables.orders.items()
    placed = {name for name, one in orders if number_of(one.intent.purpose)}
    waiting = {algo.client_id for algo in world.ledger.algos.values()}
    assert placed & waiting
    assert {algo.client_id for algo in world.evidence.levels()} == waiting - placed


def test_a_stop_of_the_strategy_over_all_that_is_held_is_no_cover(world: World) -> None:
    held, [level] = world.evidence.held(), world.evidence.levels()
    independent, examiner = Independent(world.evidence), Examiner(world.evidence)
    assert independent._is_covered(held)
    world.ledger.algos[level.number] = replace(
        level, client_id=_closing(world), reduce_only=True, close_position=False, quantity=abs(held)
    )
    assert not independent._is_covered(held)
    examiner._is_covered()
    assert examiner._naked_since_ms is not None
    world.ledger.algos[level.number] = level
    examiner._is_covered()
    assert examiner._naked_since_ms is None


def test_a_stop_that_only_reduces_is_seen_where_there_is_nothing_to_reduce(world: World) -> None:
    rules, held = IntentRules(world.evidence), world.evidence.held()
    rules.look_at_rest()
    assert rules.found == {}
    [closing] = [one for one in world.ledger.algos.values() if one.reduce_only]
    other_side = "BUY" if held > 0 else "SELL"
    world.ledger.algos[closing.number] = replace(closing, side=other_side)
    rules.look_at_rest()
    world.ledger.algos[closing.number] = closing
    assert {violation.invariant for violation in rules.found} == {"I10"}


def _closing(world: World) -> str:
    """Name of a stop that the strategy has placed to close what it holds."""
    orders = world.journal.tables.orders.items()
    return next(name for name, one in orders if one.intent.reduce_only and one.intent.is_conditional)


def canceled(world: World, name: str) -> set[Violation]:
    """What is found where an order is canceled while nothing goes wrong."""
    evidence = replace(world.evidence, is_hindered=lambda: False, is_troubled=lambda: False)
    rules, path = CancelRules(evidence), "/fapi/v1/algoOrder"
    rules.look_at_cancel(Asked("DELETE", path, path, {}, MultiDict({"clientAlgoId": name}), ""))
    return set(rules.found)


def test_a_cancel_of_what_is_wanted_and_of_the_only_cover_is_seen(world: World) -> None:
    [closing] = [one for one in world.ledger.algos.values() if one.reduce_only]
    [level] = world.evidence.levels()
    for name in (closing.client_id, level.client_id):
        assert [violation.invariant for violation in canceled(world, name)] == ["I1"]


def test_what_was_taken_back_may_be_canceled_and_may_not_stand(world: World) -> None:
    [closing] = [one for one in world.ledger.algos.values() if one.reduce_only]
    checkpoints = world.journal.tables.checkpoints
    [(key, (bar_close, state))] = checkpoints.items()
    wishes = [wish | {"is_wished": False} for wish in state["desk"]["wishes"]]
    rules = CancelRules(world.evidence)
    rules.look_at_rest()
    assert rules.found == {}
    checkpoints[key] = bar_close, state | {"desk": state["desk"] | {"wishes": wishes}}
    rules.look_at_rest()
    found = canceled(world, closing.client_id)
    checkpoints[key] = bar_close, state
    assert {violation.invariant for violation in rules.found} == {"I10"}
    assert found == set()
