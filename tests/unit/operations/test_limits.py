"""What a limit may be set to: the range that a refusal names is the one that is accepted."""

import math
from dataclasses import Field, fields

import pytest

from quant_pipelines.core.account_limits import COUNTS, EVERY_LIMIT, meant_bounds
from quant_pipelines.core.settings import RiskSettings
from quant_pipelines.operations.limits import limit_fault


@pytest.mark.parametrize("limit", EVERY_LIMIT)
def test_both_ends_of_the_range_are_accepted_and_what_is_beyond_names_them(limit: str) -> None:
    low, high = meant_bounds(limit)[:2]
    assert low is not None
    assert high is not None
    assert [limit_fault("account", limit, float(end)) for end in (low, high)] == ["", ""]
    told = f"expected a value in [{low}, {high}]"
    for beyond in (-1.0, 0.0, math.nextafter(low, -math.inf), math.nextafter(high, math.inf), math.nan):
        assert told in limit_fault("account", limit, beyond)


@pytest.mark.parametrize("limit", COUNTS)
def test_a_part_of_an_order_is_no_limit(limit: str) -> None:
    assert limit_fault("account", limit, 1.5) == f"{limit} is 1.5; expected a whole number of orders"


@pytest.mark.parametrize("field", fields(RiskSettings), ids=lambda field: field.name)
def test_settings_seed_no_limit_that_nobody_may_set(field: Field[float]) -> None:
    assert field.metadata["bounds"] == meant_bounds(field.name)
