"""What is said of a candidate at a look."""

import math

import numpy as np
import pytest

from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.decision import CriticalAhead, capital_outcome, obrien_fleming
from quant_pipelines.optimize.outcome import _looks_until

AT_YEAR_END = CriticalAhead(3.1)
MIDSUMMER = CriticalAhead(3.1, elapsed=0.5, spent=lambda share: obrien_fleming(0.025, share) / 0.025)


def test_what_has_passed_needs_no_more_days() -> None:
    outcome = capital_outcome(3.6, 720, AT_YEAR_END, passed=True)
    assert (outcome.decision, outcome.more_days, outcome.most_more_days) == ("passed", 0, 0)


def test_a_loser_is_refused_without_a_number_of_days() -> None:
    outcome = capital_outcome(-3.0, 720, AT_YEAR_END, passed=False)
    assert (outcome.decision, outcome.more_days, outcome.fewest_more_days) == ("refused", None, None)


def test_what_cannot_be_told_yet_is_undecided() -> None:
    outcome = capital_outcome(float("-inf"), 20, CriticalAhead(float("inf")), passed=False)
    assert (outcome.decision, outcome.more_days) == ("undecided", None)


def test_a_short_record_is_shrunk_more_than_a_long_one() -> None:
    """Both show a Sharpe ratio of 2; the prior's deviation is 1, that of a year's ratio as well."""
    year, four = (
        capital_outcome(2.0 * root, days, AT_YEAR_END, passed=False) for root, days in ((1, 365), (2, 1460))
    )
    assert (year.sharpe, four.sharpe) == pytest.approx((1.0, 1.6), rel=1e-12)


def test_more_patience_refuses_less() -> None:
    ahead = CriticalAhead(4.0)
    hopeless = capital_outcome(1.0, 720, ahead, passed=False, patience_days=100)
    patient = capital_outcome(1.0, 720, ahead, passed=False, patience_days=100_000)
    assert (hopeless.decision, patient.decision) == ("refused", "undecided")


@pytest.mark.parametrize(("statistic", "n_days"), [(2.5, 720), (2.9, 400), (3.0, 1200)])
def test_so_many_days_give_the_chance_that_is_told(statistic: float, n_days: int) -> None:
    """Of days that are drawn as is believed, so many worlds have passed at a look as were said to."""
    told = capital_outcome(statistic, n_days, MIDSUMMER, passed=False)
    weight, n_worlds, weeks = n_days / (n_days + YEAR_DAYS), 4_000, 7 * np.arange(1, 780)
    chance = np.random.default_rng(1)
    means = chance.normal(weight * statistic / math.sqrt(n_days), math.sqrt(weight / n_days), n_worlds)
    earned = statistic * math.sqrt(n_days) + np.zeros(n_worlds)
    asked = [MIDSUMMER.after(int(day)) * math.sqrt(n_days + day) for day in weeks]
    passed_at = np.full(n_worlds, np.inf)
    for day, needed in zip(weeks, asked, strict=True):
        earned += chance.normal(7.0 * means, math.sqrt(7.0))
        passed_at = np.where(earned > needed, np.minimum(passed_at, day), passed_at)
    for more, share in ((told.fewest_more_days, 0.1), (told.more_days, 0.5), (told.most_more_days, 0.9)):
        if more is not None and more <= weeks[-1]:
            assert (passed_at <= more).mean() == pytest.approx(share, abs=0.06)
    assert told.more_days is not None


@pytest.mark.parametrize("elapsed", [0.1, 0.5, 1.0])
def test_critical_values_ahead_are_those_of_each_day(elapsed: float) -> None:
    """Days are asked once for all years: to the bit what each is by itself."""
    ahead = MIDSUMMER._replace(elapsed=elapsed)
    looks = _looks_until(ahead.until_year_end(0))
    assert looks.days.size > 100
    asked = np.array([ahead.after(int(looks.days[at])) for at in looks.one_of_each])[looks.kinds]
    assert asked.tolist() == [ahead.after(int(day)) for day in looks.days]


def test_what_the_record_has_earned_stays_earned() -> None:
    """One that lacks little lacks few days, however much its Sharpe ratio is shrunk."""
    near = capital_outcome(3.0, 720, MIDSUMMER, passed=False)
    far = capital_outcome(2.0, 720, MIDSUMMER, passed=False)
    assert near.more_days is not None
    assert far.more_days is not None
    assert near.more_days < YEAR_DAYS < far.more_days
    assert near.decision == far.decision == "undecided"


def test_early_in_a_year_nothing_is_near() -> None:
    """The error is spent late: what is past the year's last critical value waits for it."""
    begun = capital_outcome(3.3, 720, MIDSUMMER._replace(elapsed=0.02), passed=False)
    late = capital_outcome(3.3, 720, MIDSUMMER._replace(elapsed=0.9), passed=False)
    assert (begun.more_days or 0) > 150
    assert (late.more_days or 99) < 37


def test_critical_values_fall_within_a_year_and_begin_anew() -> None:
    values = [MIDSUMMER.after(days) for days in range(1, 183)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(3.1, rel=1e-6)
    assert MIDSUMMER.after(189) > 9.0
    assert MIDSUMMER.after(182 + YEAR_DAYS) == values[-1]
