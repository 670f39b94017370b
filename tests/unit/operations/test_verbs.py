"""The table of verbs: every row can be carried out, and no two rows are told by the same words."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.verb import REQUIRED, Field, Verb, carry_out, loaded
from quant_pipelines.operations.verbs import DECISIONS, VERBS

LEAVES = [leaf for head in VERBS for leaf in head.leaves()]
OF_THE_STACK = {"stack", "engine", "settings", "ladder", "exchange", "signature", "clock"}
TYPES = {
    "number": int,
    "deployment": int,
    "value": float,
    "text": str,
    "switch": bool,
    "scope": str,
    "limit_scope": str,
}

parametrized = pytest.mark.parametrize(
    "verb", [leaf for leaf in LEAVES if leaf.function], ids=lambda verb: verb.name
)


@parametrized
def test_function_takes_the_fields_and_what_the_stack_gives(verb: Verb) -> None:
    taken = set(inspect.signature(loaded(verb.function)).parameters)
    fields = {field.name for field in verb.fields}
    assert fields <= taken <= OF_THE_STACK | fields


@parametrized
def test_fields_have_the_types_that_the_function_declares(verb: Verb) -> None:
    declared = get_type_hints(loaded(verb.function))
    for field in verb.fields:
        assert field.choices or declared[field.name] is TYPES[field.kind]


@parametrized
def test_form_opens_with_words_that_are_accepted(verb: Verb) -> None:
    for field in verb.fields:
        if field.choices:
            assert field.blank in field.choices.words
            assert field.default is REQUIRED or field.default in field.choices.words


def test_no_job_and_no_route_stands_twice() -> None:
    jobs = [leaf.job for leaf in LEAVES if leaf.job]
    routes = [(leaf.method, leaf.route) for leaf in LEAVES if leaf.route]
    assert len(jobs) == len(set(jobs))
    assert len(routes) == len(set(routes))


def test_route_names_fields_of_its_verb_and_only_an_operator_may_change_something() -> None:
    for leaf in LEAVES:
        if leaf.route:
            named = set(re.findall(r"{(\w+)}", leaf.route))
            assert named <= {field.name for field in leaf.fields}
            assert (leaf.role == "viewer") == (leaf.method == "GET")


def test_every_decision_is_offered_by_job_and_route() -> None:
    assert all(verb.told and verb.asks and verb.route for verb in DECISIONS.values())


def answer(signature: Signature, scope: str, exchange: str, clock: Callable[[], int]) -> Receipt:
    """A verb's function that only tells what it was given."""
    return Receipt("told", scope, f"{signature.operator}: {signature.reason}, {exchange}", clock())


ECHO = Verb(
    "echo", "tell", f"{__name__}:answer", (Field("scope", "scope", "", "", default="all"),), method="GET"
)


@pytest.mark.parametrize(("given", "scope"), [({}, "all"), ({"scope": None}, "all"), ({"scope": "3"}, "3")])
def test_what_is_left_out_takes_its_default(given: dict[str, Any], scope: str) -> None:
    signed = {"operator": "ann", "reason": "why not"} | given
    store = KeyStore(None, Path(), {}, lambda: 7)  # type: ignore[arg-type]
    receipt = carry_out(ECHO, signed, store=store, settings=Settings())
    assert receipt == Receipt("told", scope, "ann: why not, binanceusdm", 7)
