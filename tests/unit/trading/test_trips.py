"""What ends by itself: one row for each cause, from just within its bound to just beyond it."""

import math
from datetime import UTC, datetime

import pytest

from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.trading.breaker import EVENT_OF_DENIAL, ROWS, TABLE, Breaker, Trip
from quant_pipelines.trading.trips import CONDITIONS, Looked, Signs, found

SINCE_MS = to_ms(datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC))
WELL = Looked(Signs(), 90.0)


def with_signs(**changes: object) -> Looked:
    return WELL._replace(signs=Signs()._replace(**changes))


@pytest.mark.parametrize(
    ("looked", "expected"),
    [
        (WELL, []),
        (with_signs(data_age_seconds=90.0), []),
        (with_signs(data_age_seconds=91.0), [("data_age", "the data are 91 s old, more than 90 s")]),
        (with_signs(data_age_seconds=math.inf), [("data_age", "no data yet")]),
        (with_signs(data_age_seconds=math.inf)._replace(max_data_age_seconds=math.inf), []),
        (with_signs(clock_error_ms=1_000), []),
        (with_signs(clock_error_ms=-1_000), []),
        (
            with_signs(clock_error_ms=1_001),
            [("clock", "our clock was 1.0 s behind the exchange's, more than 1 s")],
        ),
        (
            with_signs(clock_error_ms=-60_000),
            [("clock", "our clock was 60.0 s ahead of the exchange's, more than 1 s")],
        ),
        (
            with_signs(venue_away_since_ms=SINCE_MS),
            [("venue_away", "the venue is away since 2026-01-01 12:00:05 UTC")],
        ),
        (with_signs(barred="no certificate"), [("barred", "no certificate")]),
        (with_signs(database_error="no answer"), [("database_away", "the database is away: no answer")]),
        (
            WELL._replace(breach="leverage: 6 is held, beyond 5"),
            [("passive_breach", "leverage: 6 is held, beyond 5")],
        ),
    ],
)
def test_an_event_stands_as_long_as_its_cause(looked: Looked, expected: list[tuple[str, str]]) -> None:
    assert [(trip.event, trip.reason) for trip in found(looked)] == expected


def test_every_event_that_is_looked_at_has_its_rule_and_ends_by_itself() -> None:
    assert {row.event for row in TABLE if row.found_by == "watch"} == CONDITIONS.keys()
    assert all(ROWS[event].ends_by == "itself" and not ROWS[event].closes for event in CONDITIONS)


def test_a_look_replaces_what_earlier_ones_found_and_nothing_else() -> None:
    breaker = Breaker().tripped(Trip("day_loss", "lost")).tripped(Trip("frozen", "halted by ann"))
    seen = breaker.seeing(found(with_signs(clock_error_ms=5_000)))
    assert seen.events == {"day_loss", "frozen", "clock"}
    assert seen.seeing(()) == breaker


@pytest.mark.parametrize(
    ("event", "denies"),
    [
        ("data_age", False),  # its rules deny, and name themselves
        ("day_loss", False),
        ("passive_breach", False),
        ("clock", True),
        ("venue_away", True),
        ("database_away", True),
        ("barred", True),
        ("rejects", True),
        ("repeated_execution", True),
    ],
)
def test_a_state_denies_what_adds_where_no_rule_does(event: str, denies: bool) -> None:
    breaker = Breaker((Trip(event, "why"),))  # type: ignore[arg-type] - one of the table's
    assert (breaker.only_reduces, breaker.reduced_by) == (denies, "why")


def test_a_denied_order_trips_what_its_rule_is_about() -> None:
    assert EVENT_OF_DENIAL == {
        "daily_loss": "day_loss",
        "account_daily_loss": "day_loss",
        "repeated_execution": "repeated_execution",
    }
