"""Laws of the capital decision."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.optimize.decision import (
    SPENDING,
    DecisionTerms,
    Look,
    LookResult,
    pooled_at_equal_risk,
    seen_at,
    weekly_looks,
)
from tests.property.examples import examples

# Blocks of ten days, longer than any that so short and independent records ask for.
TERMS = DecisionTerms(alpha=0.2, n_paths=199, longest_holding_days=10, least_days=20)
N_DAYS = 160


@st.composite
def records(draw: st.DrawFn) -> np.ndarray:
    """Candidates that are lucky, young or quiet, each in its own way."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_candidates = draw(st.integers(2, 5))
    days = 0.01 * chance.standard_normal((N_DAYS, n_candidates))
    days += 0.01 * chance.choice([-0.2, 0.0, 0.3, 0.5], n_candidates)
    begins = chance.choice([0, 0, 20, 50, N_DAYS], n_candidates)
    begins[0] = 0
    return np.where(np.arange(N_DAYS)[:, None] < begins, np.nan, days)


def one_look(days: np.ndarray, terms: DecisionTerms = TERMS) -> LookResult:
    (seen,) = seen_at(days, [Look(len(days), 2026, 1.0)], terms)
    return seen


@settings(max_examples=examples(40))
@given(records(), st.randoms(use_true_random=False))
def test_order_of_candidates_changes_nothing(days: np.ndarray, chance: object) -> None:
    order = list(range(days.shape[1]))
    chance.shuffle(order)  # type: ignore[attr-defined]
    usual, other = one_look(days), one_look(days[:, order])
    assert usual.passed[order].tolist() == other.passed.tolist()
    assert usual.critical[order] == pytest.approx(other.critical, rel=1e-9)


@settings(max_examples=examples(40))
@given(records(), st.integers(-6, 6), st.integers(0, 4))
def test_size_of_a_candidates_positions_changes_nothing(days: np.ndarray, power: int, place: int) -> None:
    scaled = days.copy()
    scaled[:, place % days.shape[1]] *= 2.0**power
    usual, other = one_look(days), one_look(scaled)
    assert usual.passed.tolist() == other.passed.tolist()
    assert usual.statistics == pytest.approx(other.statistics, rel=1e-9)


@settings(max_examples=examples(40))
@given(records(), st.integers(0, 2**32 - 1), st.sampled_from([-0.5, 0.0]))
def test_one_more_loser_never_helps_another_candidate(days: np.ndarray, seed: int, edge: float) -> None:
    loser = 0.01 * (np.random.default_rng(seed).standard_normal(N_DAYS) + edge)
    loser -= max(loser.mean(), 0.0)
    alone, beside = one_look(days), one_look(np.column_stack([days, loser]))
    assert not beside.passed[-1]
    assert not (beside.passed[:-1] & ~alone.passed).any()


@settings(max_examples=examples(40))
@given(records(), st.floats(0.01, 0.5), st.floats(1.0, 1.9))
def test_more_error_never_passes_fewer(days: np.ndarray, alpha: float, factor: float) -> None:
    strict = one_look(days, TERMS._replace(alpha=alpha)).passed
    mild = one_look(days, TERMS._replace(alpha=alpha * factor)).passed
    assert not (strict & ~mild).any()


@settings(max_examples=examples(15))
@given(records(), st.integers(90, N_DAYS - 1))
def test_a_look_sees_nothing_of_later_days_and_what_has_passed_stays(days: np.ndarray, known: int) -> None:
    looks = weekly_looks(date(2025, 11, 1), N_DAYS, since=70)
    whole = [*seen_at(days, looks, TERMS)]
    early = [*seen_at(days[:known], [look for look in looks if look.n_days <= known], TERMS)]
    for one, other in zip(early, whole, strict=False):
        assert one.passed.tolist() == other.passed.tolist()
        assert one.statistics.tolist() == other.statistics.tolist()
        assert one.critical.tolist() == other.critical.tolist()
    for before, after in pairwise(whole):
        assert not (before.passed & ~after.passed).any()


@given(st.sampled_from([*SPENDING]), st.floats(1e-4, 0.5), st.lists(st.floats(1e-6, 1.0), min_size=1))
def test_spending_never_goes_back_and_adds_up_to_alpha(name: str, alpha: float, shares: list[float]) -> None:
    spent = [SPENDING[name](alpha, share) for share in [*sorted(shares), 1.0]]  # type: ignore[index]
    steps = np.diff([0.0, *spent])
    assert (steps >= -1e-15).all()
    assert steps.sum() == pytest.approx(alpha, rel=1e-9)


@settings(max_examples=examples(30))
@given(records(), st.integers(1, N_DAYS - 1))
def test_a_day_of_a_pool_never_changes(days: np.ndarray, known: int) -> None:
    labels = ["odd" if place % 2 else "even" for place in range(days.shape[1])]
    whole, early = (pooled_at_equal_risk(part, labels).returns for part in (days, days[:known]))
    assert whole[:known] == pytest.approx(early, nan_ok=True, rel=0, abs=0)
