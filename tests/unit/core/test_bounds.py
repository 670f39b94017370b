"""What a number may be is decided in one place, and NaN and infinities are never it."""

import math

import pytest

from quant_pipelines.core.bounds import ROW_ID, Bounds
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.core.setting_bounds import all_bounds

NOT_FINITE = (math.nan, math.inf, -math.inf)
NUMBERS = {
    name: bounds for name, bounds in all_bounds().items() if bounds.low is not None or bounds.high is not None
}


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("bounds", [Bounds(), Bounds(0), Bounds(high=1), Bounds(0, 1)])
def test_a_number_that_is_not_finite_is_refused_whatever_the_range(bounds: Bounds, value: float) -> None:
    assert bounds.fault("x", value).startswith(f"x is {value:g}; expected ")


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("name", NUMBERS)
def test_no_setting_takes_a_number_that_is_not_finite(name: str, value: float) -> None:
    assert NUMBERS[name].fault(name, value)


@pytest.mark.parametrize("name", sorted(NUMBERS.keys() - {"risk.max_data_age_seconds"}))  # old is no limit
def test_every_setting_with_a_range_is_bounded_on_both_sides(name: str) -> None:
    bounds = NUMBERS[name]
    assert bounds.low is not None
    assert bounds.high is not None
    assert bounds.fault(name, bounds.high) == bounds.fault(name, bounds.low) == ""
    assert bounds.fault(name, bounds.high + max(1.0, abs(bounds.high))) != ""


def test_both_ends_belong_to_a_range() -> None:
    assert [bool(Bounds(0, 1).fault("x", value)) for value in (-1, 0, 0.5, 1, 2)] == [
        True,
        *3 * [False],
        True,
    ]


def test_a_word_is_refused_with_the_nearest_one() -> None:
    assert Bounds(choices=("grid", "ga")).fault("searcher", "gird") == (
        "unknown value of searcher: 'gird'; did you mean 'grid'?"
    )


def test_an_id_beyond_what_the_database_holds_is_refused() -> None:
    assert ROW_ID.fault("id", 10**400)
    assert not ROW_ID.fault("id", 2**63 - 1)


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_has_a_tightest_value(name: str) -> None:
    assert LIMITS[name].metadata["bounds"].low is not None
