"""What a record lacks is named; what it has opens the next step."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.hotlist.regime import RegimeDays
from quant_pipelines.lifecycle.record import StageRecord, evidence_of
from quant_pipelines.lifecycle.transitions import approvals_needed, require_transition
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence

PASSED = CapitalEvidence("passed", "symbol", 0, 0, 0, tests=24, look_day=date(2026, 3, 4))
PAPER = StageRecord("paper", days=20, paper_passed=True, is_flat=True, failed_gates=(), look=PASSED)
TWO = frozenset({"ann", "bob"})


def step(record: StageRecord, target: str, approved_by: frozenset[str] = TWO) -> None:
    require_transition(record.stage, target, evidence_of(record, LadderSettings(), approved_by, "asked for"))


def test_proven_paper_becomes_a_shadow_without_a_person() -> None:
    step(PAPER, "shadow", frozenset())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"days": 13}, "it has been in paper for 13 days, at least 14 are asked for"),
        (
            {"failed_gates": ("pbo", "days_unseen")},
            "gates of its newest verdict have not passed: pbo, days_unseen",
        ),
        (
            {"look": CapitalEvidence("undecided", "symbol", 120, 40, 900, 24, date(2026, 3, 4))},
            (
                "its capital decision is not yet decidable: about 120 more days (40 to 900) "
                "(asked by itself, 1 of 24 tests, look of 2026-03-04)"
            ),
        ),
        (
            {"look": CapitalEvidence("refused", "pool", tests=24)},
            (
                "its capital decision is refused: what is likely of it would need more days than are worth "
                "waiting for (asked as its strategy and timeframe, over all symbols, 1 of 24 tests)"
            ),
        ),
        (
            {"look": NOT_LOOKED_AT},
            (
                "its capital decision is not yet decidable: how many more days it takes can't be told "
                "(no look has seen it yet)"
            ),
        ),
        ({"is_behind": True}, "it is behind what its verdict promised"),
        ({"active_triggers": ("sharpe",)}, "its performance trigger stands: sharpe"),
        ({"blocked": ("3 x gaps",)}, "1 findings block its newest data: 3 x gaps"),
    ],
)
def test_paper_that_lacks_something_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LifecycleError, match=re.escape(f"step from paper to shadow is refused: {sentence}")):
        step(replace(PAPER, **change), "shadow")


def test_shadow_with_a_halt_gets_no_money() -> None:
    with pytest.raises(LifecycleError, match="its shadow has not matched"):
        step(replace(PAPER, stage="shadow", halts=1), "canary")


@pytest.mark.parametrize(("source", "target"), [("shadow", "canary"), ("canary", "live")])
def test_no_money_goes_into_a_market_that_its_record_has_hardly_seen(source: Any, target: str) -> None:
    record = replace(PAPER, stage=source)
    for seen in (RegimeDays(True, 20), RegimeDays(False, 400), None):
        step(replace(record, regime=seen), target)
    sentence = "its market is turbulent now, and 19 days of its record ended so; at least 20 are asked for"
    with pytest.raises(LifecycleError, match=sentence):
        step(replace(record, regime=RegimeDays(True, 19)), target)


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
