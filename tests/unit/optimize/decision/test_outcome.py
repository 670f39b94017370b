"""What is said of a candidate at a look."""

import pytest

from quant_pipelines.optimize.decision import capital_outcome


def test_what_has_passed_needs_no_more_days() -> None:
    outcome = capital_outcome(3.6, 720, passed=True, critical=3.1)
    assert (outcome.decision, outcome.more_days, outcome.most_more_days) == ("passed", 0, 0)


def test_a_loser_is_refused_without_a_number_of_days() -> None:
    outcome = capital_outcome(-3.0, 720, passed=False, critical=3.1)
    assert (outcome.decision, outcome.more_days) == ("refused", None)


def test_what_cannot_be_told_yet_is_undecided() -> None:
    outcome = capital_outcome(float("-inf"), 20, passed=False, critical=float("inf"))
    assert (outcome.decision, outcome.more_days) == ("undecided", None)


def test_a_short_record_is_shrunk_more_than_a_long_one() -> None:
    """Both show a Sharpe ratio of 2; the prior's deviation is 1, that of a year's ratio as well."""
    year, four = (
        capital_outcome(2.0 * root, days, passed=False, critical=3.1) for root, days in ((1, 365), (2, 1460))
    )
    assert (year.sharpe, four.sharpe) == pytest.approx((1.0, 1.6), rel=1e-12)


def test_more_patience_refuses_less() -> None:
    hopeless = capital_outcome(1.0, 720, passed=False, critical=4.0, patience_days=100)
    patient = capital_outcome(1.0, 720, passed=False, critical=4.0, patience_days=100_000)
    assert (hopeless.decision, patient.decision) == ("refused", "undecided")
