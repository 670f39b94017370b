"""What of a year's error is spent by when, and when looks are."""

from datetime import date
from statistics import NormalDist

import pytest

from quant_pipelines.optimize.decision import SPENDING, cubic, linear, obrien_fleming, weekly_looks


def test_obrien_fleming_at_a_quarter_doubles_the_quantile() -> None:
    normal = NormalDist()
    assert obrien_fleming(0.05, 0.25) == pytest.approx(2 * normal.cdf(2 * normal.inv_cdf(0.025)), rel=1e-9)


def test_linear_spends_the_elapsed_share() -> None:
    assert linear(0.024, 0.25) == 0.006


def test_cubic_spends_an_eighth_by_half_time() -> None:
    assert cubic(0.024, 0.5) == 0.003


@pytest.mark.parametrize("name", SPENDING)
def test_all_of_the_error_is_spent_by_the_end(name: str) -> None:
    assert SPENDING[name](0.025, 1.0) == pytest.approx(0.025, rel=1e-12)  # type: ignore[index]


@pytest.mark.parametrize(("year", "days"), [(2024, 366), (2025, 365)])
def test_a_year_has_52_looks_and_ends_with_one_of_its_last_day(year: int, days: int) -> None:
    looks = weekly_looks(date(year, 1, 1), days)
    assert [look.n_days for look in looks] == [*range(7, 364, 7), days]
    assert looks[-1].elapsed == 1.0


def test_looks_hang_on_the_calendar_not_on_the_first_day() -> None:
    early, late = date(2025, 1, 1), date(2025, 3, 5)
    apart = (late - early).days
    whole = {(look.n_days, look.elapsed) for look in weekly_looks(early, 365, since=apart)}
    assert {(look.n_days + apart, look.elapsed) for look in weekly_looks(late, 365 - apart)} == whole


def test_since_leaves_out_looks_before_it_and_moves_none() -> None:
    every = weekly_looks(date(2025, 1, 1), 365)
    assert weekly_looks(date(2025, 1, 1), 365, since=100) == tuple(one for one in every if one.n_days > 100)
