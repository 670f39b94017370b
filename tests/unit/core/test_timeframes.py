from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import day_of, day_start_ms, floor_ms, from_ms, timeframe_ms, to_ms


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_milliseconds_survive_the_round_trip_through_datetime(ts_ms: int) -> None:
    assert to_ms(from_ms(ts_ms)) == ts_ms


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_a_moment_lies_inside_its_own_day(ts_ms: int) -> None:
    start = day_start_ms(day_of(ts_ms))
    assert start <= ts_ms < start + timeframe_ms("1d")


def test_floor_keeps_a_time_on_the_grid() -> None:
    assert floor_ms(120_000, 60_000) == 120_000
    assert floor_ms(179_999, 60_000) == 120_000


def test_unknown_timeframe_names_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown timeframe '1H'; did you mean '1h'\?"):
        timeframe_ms("1H")


def test_naive_datetime_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no timezone; expected UTC"):
        to_ms(datetime(2024, 1, 1))  # noqa: DTZ001 - the fault under test


def test_day_that_is_no_date_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="day '2024-13-01' is not a date; expected YYYY-MM-DD"):
        day_start_ms("2024-13-01")


def test_day_starts_at_utc_midnight() -> None:
    assert from_ms(day_start_ms("2024-02-29")) == datetime(2024, 2, 29, tzinfo=UTC)
