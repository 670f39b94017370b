"""What the ``arch`` package says of the same days; ``record_decision.py`` keeps its answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.optimize.decision import (
    DecisionTerms,
    Look,
    obrien_fleming,
    politis_white_length,
    seen_at,
    superior_predictive_ability,
)
from tests.reference.decision_days import BLOCK, N_DAYS, SIZE, WORLDS, days_of, dependent_days, luck_of


@pytest.fixture(name="recorded", scope="module")
def read_recorded() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "decision_arch.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("series", range(16))
def test_block_length_is_that_of_arch(series: int, recorded: dict[str, Any]) -> None:
    length = politis_white_length(dependent_days(series)[:, None])
    assert length == pytest.approx(recorded["circular_block_lengths"][series], rel=1e-9)


@pytest.mark.parametrize("world", WORLDS)
def test_one_look_passes_whom_the_stepwise_test_of_arch_finds_superior(
    world: int, recorded: dict[str, Any]
) -> None:
    terms = DecisionTerms(alpha=SIZE, longest_holding_days=BLOCK, seed=world)
    *_, seen = seen_at(days_of(world), [Look(N_DAYS, 2026, 1.0)], terms)
    assert np.flatnonzero(seen.passed).tolist() == recorded["superior_models"][world]


@pytest.mark.parametrize("world", WORLDS)
def test_global_p_value_is_the_consistent_one_of_arch(world: int, recorded: dict[str, Any]) -> None:
    found = superior_predictive_ability(luck_of(world), block=BLOCK, n_resamples=5000, seed=world)
    expected = recorded["consistent_p_values"][world]
    # Two independent estimates, each from 5,000 resamples: four standard errors of their difference.
    tolerance = 4.0 * np.sqrt(2.0 * max(expected * (1.0 - expected), 0.001) / 5000)
    assert found == pytest.approx(expected, abs=tolerance)


def test_spent_error_is_that_of_published_tables() -> None:
    """O'Brien and Fleming's form at 5 % after each quarter: Jennison, Turnbull (1999), chapter 7."""
    spent = [obrien_fleming(0.05, quarter / 4) for quarter in (1, 2, 3, 4)]
    assert spent == pytest.approx([0.00009, 0.00557, 0.02362, 0.05], abs=1e-5)
