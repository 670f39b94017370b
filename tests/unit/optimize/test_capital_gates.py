"""What guards capital: the newest look, and what refuses whatever it says."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.capital_gates import capital_gates, decided_capital, with_decision
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, DecidedBy
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate, passed
from quant_pipelines.optimize.outcome import CapitalDecision

INSIDE = {"pbo": 0.1, "probability_of_loss": 0.1}
OUTSIDE = {"gaps_paid_for": 4.0, "largest_exposure": 1.0, "days_unseen": 30}
PASSED = CapitalEvidence("passed", "symbol", 0, 0, 0, tests=24, statistic=4.2)
SCREEN = Gate("trades", 40.0, 30.0, True, PAPER, "closed trades")


def gates(evidence: CapitalEvidence = PASSED, **changes: Any) -> tuple[Gate, ...]:
    inside = {name: changes.get(name, value) for name, value in INSIDE.items()}
    outside = {name: changes.get(name, value) for name, value in OUTSIDE.items()}
    return with_decision((SCREEN, *capital_gates(inside, outside, GateSettings())), evidence)


def failed(evidence: CapitalEvidence = PASSED, **changes: Any) -> list[str]:
    return [gate.name for gate in gates(evidence, **changes) if not gate.passed]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"pbo": 0.9}, []),  # near-equal sets rank anywhere: their best earns all the same
        ({"pbo": 0.9, "probability_of_loss": 0.5}, []),
        ({"pbo": 0.1, "probability_of_loss": 0.9}, []),
        ({"pbo": 0.3, "probability_of_loss": 0.51}, ["pbo"]),
        ({"pbo": None, "probability_of_loss": None}, []),  # too few days to say anything
        ({"gaps_paid_for": 3.0}, []),
        ({"gaps_paid_for": 2.9}, ["gaps_paid_for"]),
        ({"gaps_paid_for": None}, ["gaps_paid_for"]),
        ({"days_unseen": 20}, ["days_unseen"]),
    ],
)
def test_rule_refuses_by_its_own_threshold(changes: dict[str, Any], names: list[str]) -> None:
    assert failed(**changes) == names
    assert failed(NOT_LOOKED_AT, **changes) == ["capital_decision", *names]


def test_stress_gate_says_what_it_measures() -> None:
    (gate,) = [gate for gate in gates(gaps_paid_for=1.2, largest_exposure=0.8) if not gate.passed]
    assert gate.reason == (
        "gaps_paid_for is 1.2, threshold 3: gaps of 25% against the largest position held, "
        "80% of the equity, that the profit would pay for; days without a single one rule out no fewer"
    )


def test_decision_shows_its_statistic_beside_what_it_must_exceed() -> None:
    evidence = CapitalEvidence("undecided", "symbol", 120, 40, 900, 24, statistic=2.1, critical=3.4)
    gate = next(gate for gate in gates(evidence) if gate.name == "capital_decision")
    assert (gate.value, gate.threshold, gate.gate) == (2.1, 3.4, CAPITAL)
    assert gate.detail == (
        "not yet decidable: about 120 more days (40 to 900); asked by itself, 1 of 24 tests"
    )


LOOKS = st.builds(
    CapitalEvidence, st.sampled_from(get_args(CapitalDecision)), st.sampled_from(get_args(DecidedBy))
)


@given(LOOKS, LOOKS)
def test_newer_look_takes_the_place_of_the_older_one(old: CapitalEvidence, new: CapitalEvidence) -> None:
    assert with_decision(gates(old), new) == gates(new)
    assert [gate.gate for gate in gates(new)] == [PAPER, *[CAPITAL] * 4]


@given(LOOKS, st.floats(0, 6), st.floats(0, 1), st.floats(0, 1), st.integers(0, 60))
def test_capital_passes_where_the_look_passes_and_no_rule_refuses(
    look: CapitalEvidence, gaps: float, pbo: float, loss: float, unseen: int
) -> None:
    found = gates(look, gaps_paid_for=gaps, pbo=pbo, probability_of_loss=loss, days_unseen=unseen)
    decided = decided_capital(found, look)
    refused_by = [name for name in ("pbo", "gaps_paid_for") if name in failed_names(found)]
    if look.decision != "passed":
        assert decided[:2] == (look.decision, look.decided_by)
    elif refused_by:
        assert decided[:2] == ("refused", refused_by[0])
        assert decided.reason.startswith(f"refused: {refused_by[0]} is ")
    else:
        assert decided[:2] == ("passed", look.decided_by)
    if passed(found, PAPER, CAPITAL):
        assert decided.decision == "passed"


def failed_names(found: tuple[Gate, ...]) -> list[str]:
    return [gate.name for gate in found if not gate.passed]
