from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.lifecycle.transitions import TRANSITIONS, Evidence, require_transition
from quant_pipelines.optimize.evidence import CapitalEvidence, DecidedBy
from quant_pipelines.optimize.outcome import CapitalDecision

EVERYTHING = Evidence(
    paper_passed=True,
    failed_gates=(),
    look=CapitalEvidence("passed", "symbol"),
    approved_by=frozenset({"ann", "bob"}),
    is_flat=True,
    shadow_matches=True,
    canary_matches=True,
    reason="asked for",
    shortfalls=(),
)


def test_every_stage_is_reached_and_only_ends_have_no_exit() -> None:
    reached = {row.target for row in TRANSITIONS} | {"candidate"}
    left = {row.source for row in TRANSITIONS}
    assert reached == set(get_args(Stage))
    assert set(get_args(Stage)) - left == {"rejected", "retired"}


def test_every_row_passes_with_all_evidence_and_refuses_with_none() -> None:
    for row in TRANSITIONS:
        require_transition(row.source, row.target, EVERYTHING)
        with pytest.raises(LifecycleError, match="is refused"):
            require_transition(row.source, row.target, Evidence())


@pytest.mark.parametrize("target", [row.target for row in TRANSITIONS if row.target in ("canary", "live")])
def test_one_operator_is_not_enough_for_money(target: str) -> None:
    source = {"canary": "shadow", "live": "canary"}[target]
    alone = replace(EVERYTHING, approved_by=frozenset({"ann"}))
    with pytest.raises(LifecycleError, match="1 operators have approved it; expected two different ones"):
        require_transition(source, target, alone)


def test_no_stage_with_money_is_reached_from_a_candidate() -> None:
    from_candidate = {row.target for row in TRANSITIONS if row.source == "candidate"}
    assert from_candidate & set(LADDER) == {"paper"}


def test_step_that_is_not_in_the_table_names_the_ones_that_are() -> None:
    with pytest.raises(LifecycleError, match="'live' can't follow 'candidate'; expected paper or rejected"):
        require_transition("candidate", "live", EVERYTHING)


@given(
    st.builds(
        CapitalEvidence,
        st.sampled_from(get_args(CapitalDecision)),
        st.sampled_from(get_args(DecidedBy)),
        more_days=st.none() | st.integers(1, 10_000),
    )
)
def test_money_follows_the_newest_look_alone(look: CapitalEvidence) -> None:
    for target in ("shadow", "canary", "live"):
        source = next(row.source for row in TRANSITIONS if row.target == target)
        if look.decision == "passed":
            require_transition(source, target, replace(EVERYTHING, look=look))
            continue
        with pytest.raises(LifecycleError, match="its capital decision is ") as refused:
            require_transition(source, target, replace(EVERYTHING, look=look))
        if look.decision == "undecided" and look.more_days is not None:
            assert f"about {look.more_days} more days" in str(refused.value)
