"""One record as a family of its own, and what is said of it."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.decision import (
    CapitalEvidence,
    DecisionTerms,
    evidence_of_record,
    told_decider,
    told_outcome,
)

NEW_YEAR = date(2025, 1, 1)
NOISE = np.random.default_rng(3).normal(0.0, 0.01, 500)
EDGE = 0.0026
"""Of a day, beside a volatility of 1 %: a Sharpe ratio near five."""


def test_record_that_earns_enough_passes_alone_and_says_so() -> None:
    found = evidence_of_record(NOISE[:365] + EDGE, NEW_YEAR)
    assert (found.decision, found.decided_by, found.tests, found.more_days) == ("passed", "record", 1, 0)
    assert told_decider(found) == (
        "asked alone, and one record alone pays for no search, the only test, look of 2025-12-31"
    )


def test_record_that_loses_is_refused() -> None:
    found = evidence_of_record(NOISE[:365] - EDGE, NEW_YEAR)
    assert (found.decision, found.more_days) == ("refused", None)


def test_edge_that_is_small_is_undecided_and_the_days_have_a_range() -> None:
    found = evidence_of_record(NOISE[:365] + 0.0008 - NOISE[:365].mean(), NEW_YEAR)
    assert found.decision == "undecided"
    assert (found.fewest_more_days or 0) < (found.more_days or 0)
    assert told_outcome(found).startswith(
        f"not yet decidable: about {found.more_days} more days ({found.fewest_more_days} to "
    )


def test_short_record_says_how_many_days_it_lacks_until_it_is_tested() -> None:
    found = evidence_of_record(NOISE[:45] + EDGE, NEW_YEAR)
    assert (found.decision, found.decided_by, found.look_day) == ("undecided", "too_short", date(2025, 2, 11))
    assert found.fewest_more_days == 18
    assert told_outcome(found) == "not yet decidable: 18 more days at the least"


def test_record_shorter_than_a_block_is_too_short() -> None:
    found = evidence_of_record(NOISE[:8], NEW_YEAR, terms=DecisionTerms(longest_holding_days=9))
    assert (found.decided_by, found.fewest_more_days) == ("too_short", 83)


def test_record_that_ends_before_its_first_look_is_too_short() -> None:
    for n_days in (0, 6):
        found = evidence_of_record(NOISE[:n_days], NEW_YEAR)
        assert found == CapitalEvidence("undecided", "too_short", fewest_more_days=60 - n_days, tests=1)


@pytest.mark.parametrize("n_days", [365, 366, 371])
def test_first_days_of_a_year_rest_on_the_last_look_of_the_year_before(n_days: int) -> None:
    assert evidence_of_record(NOISE[:n_days], NEW_YEAR).look_day == date(2025, 12, 31)


def test_error_is_that_of_the_newest_year_alone() -> None:
    """What would have passed by last year's looks passes by this year's or not at all."""
    faded = np.concatenate([NOISE[:365] + 0.003, NOISE[365:428] - 0.02])
    assert evidence_of_record(faded[:365], NEW_YEAR).decision == "passed"
    assert evidence_of_record(faded, NEW_YEAR).decision != "passed"


def test_edge_of_holding_alone_is_no_edge() -> None:
    market = NOISE[:365] + EDGE
    beyond = NOISE[100:465]
    assert evidence_of_record(market, NEW_YEAR).decision == "passed"
    assert evidence_of_record(market, NEW_YEAR, beyond_holding=beyond).decision != "passed"


@given(st.integers(60, 400), st.integers(0, 6), st.floats(-0.2, 0.2))
def test_days_after_the_newest_look_change_nothing(n_days: int, more: int, value: float) -> None:
    found = evidence_of_record(NOISE[:n_days], NEW_YEAR)
    grown = evidence_of_record(np.append(NOISE[:n_days], np.full(more, value)), NEW_YEAR)
    assert grown == found or grown.look_day > found.look_day  # type: ignore[operator]


@given(st.integers(7, 400), st.floats(-0.005, 0.005))
def test_outcome_and_days_agree(n_days: int, edge: float) -> None:
    found = evidence_of_record(NOISE[:n_days] + edge, NEW_YEAR)
    assert found.tests == 1
    assert found.look_day is not None
    assert found.look_day < NEW_YEAR + timedelta(days=n_days)
    assert (found.decision == "passed") == (found.more_days == 0)


def test_missing_day_is_refused() -> None:
    with pytest.raises(OptimizationError, match=r"returns\[3, 0\] is nan; expected a number on every day"):
        evidence_of_record(np.where(np.arange(365) == 3, np.nan, NOISE[:365]), NEW_YEAR)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((120, 40, 900), "about 120 more days (40 to 900)"),
        ((120, 40, None), "about 120 more days (40 to ?)"),
        ((120, None, None), "about 120 more days"),
        ((None, 40, None), "40 more days at the least"),
        ((None, None, None), "how many more days it takes can't be told"),
    ],
)
def test_more_days_are_told_with_what_is_known_of_their_range(
    days: tuple[int | None, int | None, int | None], told: str
) -> None:
    assert told_outcome(CapitalEvidence("undecided", "pool", *days)) == f"not yet decidable: {told}"
