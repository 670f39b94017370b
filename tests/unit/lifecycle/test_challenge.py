"""The table of challengers' steps: each guard refuses what it is there for, by its name, and nothing else."""

from datetime import date
from typing import Any

import pytest

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.stages import LADDER
from quant_pipelines.lifecycle.challenge import (
    PROVES,
    STEPS,
    ChallengeEvidence,
    ChallengeStep,
    NewText,
    agreement,
    forward_of,
    refusals,
    step_of,
    validate,
)
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.optimize.paired_looks import PairedVerdict

PASSED = CapitalEvidence("passed", "symbol", 0, 0, 0, statistic=4.2)
GOOD = ChallengeEvidence(
    kind="version",
    incumbent="live",
    failed_checks=(),
    look=PASSED,
    paired=PairedVerdict(200, 0.2, statistic=2.9, critical=2.6, passed=True, look_day=date(2026, 3, 4)),
    short=(),
    people=frozenset({"ann", "bob"}),
    reason="tried",
)
FAULTS: dict[str, dict[str, Any]] = {
    "validated": {"failed_checks": ("stops_present: it declares no stop",)},
    "clean": {"blocked": ("gaps in 1m bars",)},
    "not_halted": {"halted": "account: loss"},
    "alone": {"in_flight": "deployment:4 challenges deployment:1 already"},
    "unpinned": {"pinned": "deployment:1 keeps its version and parameters"},
    "untried": {"turned_back": "the same parameters of the same text were taken back"},
    "harmless": {"harm": ("it has lost 9 % of its capital",)},
    "complete": {"short": ("it has 3 fills, at least 30 are asked for",)},
    "proven": {"look": NOT_LOOKED_AT},
    "better": {"paired": GOOD.paired and GOOD.paired._replace(passed=False)},
    "tradable": {"too_small": "50 is less than 100, the smallest order"},
    "approved": {"people": frozenset({"ann"})},
    "explained": {"reason": ""},
}
PLACES = {"at_venue": "paper", "on_paper": "live"}
RULES = {
    "validated": "risk_validation",
    "clean": "blocked_data",
    "not_halted": "halted",
    "alone": "one_in_flight",
    "unpinned": "pinned",
    "untried": "taken_back",
    "harmless": "harm",
    "complete": "stage_complete",
    "proven": "capital_decision",
    "better": "paired_test",
    "tradable": "one_lot",
    "approved": "approved",
    "explained": "reason",
    "at_venue": "incumbent",
    "on_paper": "incumbent",
}


def at_home(step: ChallengeStep) -> ChallengeEvidence:
    """Everything that a step asks for."""
    names = {guard.__name__ for guard in step.guards}
    return GOOD._replace(incumbent="paper") if "on_paper" in names else GOOD


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.source}-{step.move}")
def test_a_step_with_all_of_its_evidence_is_taken(step: ChallengeStep) -> None:
    assert refusals(step, at_home(step)) == ()


@pytest.mark.parametrize("name", [*FAULTS, *PLACES])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.source}-{step.move}")
def test_a_fault_is_refused_by_the_name_of_its_rule_where_the_step_asks_for_it(
    step: ChallengeStep, name: str
) -> None:
    fault = FAULTS.get(name) or {"incumbent": PLACES[name]}
    refused = refusals(step, at_home(step)._replace(**fault))
    asked = {guard.__name__ for guard in step.guards}
    if name in PLACES:
        assert (name in asked) == any(reason.startswith("incumbent: ") for reason in refused)
    else:
        assert [reason.split(":")[0] for reason in refused] == [RULES[name]] * (name in asked)


def test_every_guard_of_the_table_has_a_fault_here() -> None:
    assert {guard.__name__ for step in STEPS for guard in step.guards} == {*FAULTS, *PLACES}


@pytest.mark.parametrize("move", ["canary", "full"])
def test_refitted_parameters_need_no_record_of_their_own(move: str) -> None:
    refitted = GOOD._replace(kind="parameters", look=NOT_LOOKED_AT, paired=None)
    assert refusals(step_of("shadow" if move == "canary" else "canary", move), refitted) == ()


def test_nobody_is_asked_where_the_settings_want_nobody() -> None:
    assert refusals(step_of("shadow", "canary"), GOOD._replace(people=frozenset(), needed=0)) == ()


def test_what_can_go_forward_can_come_back() -> None:
    assert {row.source for row in STEPS if row.move == "rolled_back"} == {
        row.source for row in STEPS if row.source != "candidate" and row.move != "restored"
    }
    assert [forward_of(stage) for stage in LADDER] == ["full", "canary", "full", None]


@pytest.mark.parametrize(("source", "move"), [("paper", "canary"), ("shadow", "full"), ("live", "full")])
def test_a_step_from_a_wrong_stage_does_not_exist(source: Any, move: str) -> None:
    with pytest.raises(LifecycleError, match=f"^stage: a challenger in '{source}' can't go to '{move}'"):
        step_of(source, move)


def test_each_stage_says_what_it_can_prove() -> None:
    assert {step.move for step in STEPS if step.move not in ("rolled_back", "restored")} <= PROVES.keys()


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, []),
        ({"parameters": {"fast": 61}}, ["parameters_in_space"]),
        ({"parameters": {"slow": 5}}, ["parameters_in_space"]),
        ({"parameters": {}}, ["parameters_in_space"]),
        ({"has_stops": False}, ["stops_present"]),
        ({"exposure": 1.5}, ["largest_exposure"]),
        ({"trades_a_day": 60.0}, ["turnover"]),
        ({"findings": ("gaps",)}, ["clean_data"]),
    ],
)
def test_risk_validation_names_the_check_that_failed(change: dict[str, Any], failed: list[str]) -> None:
    new = NewText(
        {"fast": 9}, {"fast": {"low": 5, "high": 60}}, exposure=0.9, trades_a_day=2.0, has_stops=True
    )
    limits = RiskLimits(max_position_fraction=1.0, max_leverage=2.0, max_orders_per_day=50.0)
    assert [check.name for check in validate(new._replace(**change), limits) if check.fault] == failed


def test_agreement_counts_sides_at_common_closes() -> None:
    assert agreement({1: 0.5, 2: -1.0, 3: 0.0}, {1: 1.0, 2: 0.0, 3: 0.0, 4: 1.0}) == pytest.approx(2 / 3)
    assert agreement({1: 1.0}, {2: 1.0}) is None


@pytest.mark.parametrize(
    ("trades", "fault"), [(20.0, ""), (200.0, "trades a day was 200; expected at most 20")]
)
def test_a_version_that_trades_a_hundred_times_as_often_fails_risk_validation(
    trades: float, fault: str
) -> None:
    new = NewText({"fast": 9}, {"fast": {"low": 2, "high": 90}}, 1.0, trades, 2.0, has_stops=True)
    assert [check.fault for check in validate(new, RiskLimits()) if check.name == "turnover"] == [fault]
