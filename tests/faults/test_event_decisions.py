"""What a strategy whose orders rest has decided is decided again from the journal; a difference is seen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.deployments import resting_at
from tests.faults.event_decisions import EventDecisionRules
from tests.faults.world import World, played

pytestmark = pytest.mark.usefixtures("quietly")


@pytest.fixture(scope="module")
def rests() -> Iterator[World]:
    with played(1, 300, is_faulty=False, deploy=resting_at) as world:
        yield world


def test_the_same_is_decided_again(rests: World) -> None:
    assert found(rests) == set()
    assert sum(len(one.decision["orders"]) for one in rests.journal.tables.signals.values()) > 5


def test_another_order_is_seen(rests: World) -> None:
    def doctor(told: dict[str, Any]) -> dict[str, Any]:
        if not told["orders"]:
            return {}
        first, *others = told["orders"]
        return {"orders": [{**first, "quantity": 2 * first["quantity"]}, *others]}

    assert found(rests, doctor) == {"I11"}


def test_an_order_that_was_not_taken_back_is_seen(rests: World) -> None:
    assert found(rests, lambda told: {"canceled": [*told["canceled"], 1]}) == {"I11"}


def test_what_was_not_told_is_seen(rests: World) -> None:
    assert found(rests, lambda told: {"events": []} if told["events"] else {}) == {"I11"}


def test_an_intent_that_nobody_asked_for_is_seen(rests: World) -> None:
    tables = rests.journal.tables
    name, order = next((name, one) for name, one in tables.orders.items() if one.intent.purpose == "order 1")
    kept = dict(tables.orders)
    tables.orders["q1-7-0-o99"] = replace(order, intent=replace(order.intent, purpose="order 99"))
    assert found(rests) == {"I11"}
    del tables.orders["q1-7-0-o99"], tables.orders[name]
    assert found(rests) == {"I11"}
    tables.orders.clear()
    tables.orders.update(kept)


def found(world: World, doctor: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {}) -> set[str]:
    """What is found where decisions are journaled otherwise."""
    tables = world.journal.tables
    kept: dict[Any, Any] = dict(tables.signals)
    for key, signal in kept.items():
        told = signal.decision
        new = doctor(told) if told.get("orders") or told.get("events") else {}
        tables.signals[key] = replace(signal, decision={**told, **new})
    rules = EventDecisionRules(world.evidence, world.market, world.deployment)
    rules.look_at_rest()
    tables.signals.update(kept)
    return {violation.invariant for violation in rules.found}
