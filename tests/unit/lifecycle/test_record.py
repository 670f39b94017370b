"""What a record lacks is named; what it has opens the next step."""

from dataclasses import replace
from typing import Any

import pytest

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.record import StageRecord, evidence_of
from quant_pipelines.lifecycle.transitions import approvals_needed, require_transition

PAPER = StageRecord("paper", days=20, paper_passed=True, capital_passed=True, is_flat=True)
TWO = frozenset({"ann", "bob"})


def step(record: StageRecord, target: str, approved_by: frozenset[str] = TWO) -> None:
    require_transition(record.stage, target, evidence_of(record, LadderSettings(), approved_by, "asked for"))


def test_proven_paper_becomes_a_shadow_without_a_person() -> None:
    step(PAPER, "shadow", frozenset())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"days": 13}, "it has been in paper for 13 days, at least 14 are asked for"),
        ({"capital_passed": False}, "the capital gates have not passed"),
        ({"is_behind": True}, "it is behind what its verdict promised"),
        ({"active_triggers": ("sharpe",)}, "its performance trigger stands: sharpe"),
        ({"blocked": ("3 x gaps",)}, "1 findings block its newest data: 3 x gaps"),
    ],
)
def test_paper_that_lacks_something_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LifecycleError, match=sentence):
        step(replace(PAPER, **change), "shadow")


def test_shadow_with_a_halt_gets_no_money() -> None:
    with pytest.raises(LifecycleError, match="its shadow has not matched"):
        step(replace(PAPER, stage="shadow", halts=1), "canary")


def test_canary_with_a_refused_order_does_not_go_live() -> None:
    step(replace(PAPER, stage="canary"), "live")
    with pytest.raises(LifecycleError, match="its canary has not stayed within its bounds"):
        step(replace(PAPER, stage="canary", refused_orders=1), "live")


@pytest.mark.parametrize(
    ("source", "target", "people"),
    [("paper", "shadow", 0), ("cooling", "paper", 1), ("shadow", "canary", 2), ("canary", "live", 2)],
)
def test_money_needs_two_people(source: str, target: str, people: int) -> None:
    assert approvals_needed(source, target) == people
