"""The breaker's table in full, and what holds for any order of events."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.trading.breaker import (
    ROWS,
    TABLE,
    TRADING_STATES,
    Breaker,
    Event,
    TradingState,
    Trip,
    after,
    decides,
)

#                       ACTIVE      REDUCING    FROZEN    HALTED
NEXT: dict[Event, tuple[TradingState, TradingState, TradingState, TradingState]] = {
    "data_age": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "clock": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "venue_away": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "database_away": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "barred": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "day_loss": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "passive_breach": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "leg_stopped": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "leg_lost": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "rejects": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "repeated_execution": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "not_its_replay": ("REDUCING", "REDUCING", "FROZEN", "HALTED"),
    "frozen": ("FROZEN", "FROZEN", "FROZEN", "HALTED"),
    "failed": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "failed_again": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "not_loaded": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "flattened": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "account_loss": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "margin_short": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "not_tradable": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "delisting": ("HALTED", "HALTED", "HALTED", "HALTED"),
    "leg_gone": ("HALTED", "HALTED", "HALTED", "HALTED"),
}
LOSS_MARGIN_PERSONS_AND_ENDS = {"account_loss", "margin_short", "flattened", "delisting"} | {
    "leg_gone",
    "leg_lost",
}
EVENTS = st.sampled_from([row.event for row in TABLE])
TRIPS = st.builds(Trip, EVENTS, st.just("why"), st.integers(0, 100))
BREAKERS = st.lists(TRIPS, max_size=8).map(
    lambda trips: [breaker := Breaker(), *(breaker := breaker.tripped(trip) for trip in trips)][-1]
)


def test_every_event_has_one_row() -> None:
    assert [row.event for row in TABLE] == list(ROWS)
    assert set(ROWS) == set(get_args(Event)) == set(NEXT)


@pytest.mark.parametrize("event", NEXT)
def test_event_leads_from_each_state_to_the_one_in_the_table(event: Event) -> None:
    assert tuple(after(state, event) for state in ("ACTIVE", "REDUCING", "FROZEN", "HALTED")) == NEXT[event]


def test_only_loss_margin_persons_ends_of_contracts_and_legs_that_go_close_what_is_held() -> None:
    assert {row.event for row in TABLE if row.closes} == LOSS_MARGIN_PERSONS_AND_ENDS


def test_what_the_exchange_says_stands_as_long_as_it_is_said() -> None:
    breaker = Breaker().following([Trip("delisting", "it ends")])
    assert (breaker.state, breaker.closes_for) == ("HALTED", "delisting")
    assert breaker.following([Trip("delisting", "it ends")]) == breaker
    assert breaker.following([]).state == "ACTIVE"


def test_what_failed_again_goes_with_what_a_person_lifted_though_the_exchange_says_more() -> None:
    of_exchange = Trip("not_tradable", "halted")
    failed = Breaker().following([Trip("failed"), of_exchange]).tripped(Trip("failed_again"))
    assert not failed.following([Trip("failed"), of_exchange]).books
    assert failed.following([of_exchange]).books


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), None),
        (("flattened",), None),
        (("failed", "day_loss"), None),
        (("flattened", "delisting"), "delisting"),
        (("account_loss",), "account_loss"),
    ],
)
def test_event_that_closes_is_named_unless_a_person_asked(
    events: tuple[Event, ...], expected: str | None
) -> None:
    breaker = Breaker()
    for event in events:
        breaker = breaker.tripped(Trip(event))
    assert breaker.closes_for == expected


def test_nothing_is_decided_when_frozen_or_halted() -> None:
    assert [state for state in TRADING_STATES if decides(state)] == ["ACTIVE", "REDUCING"]


@given(BREAKERS, TRIPS)
def test_no_event_makes_a_state_better(breaker: Breaker, trip: Trip) -> None:
    states = TRADING_STATES.index(breaker.state), TRADING_STATES.index(breaker.tripped(trip).state)
    assert states[0] <= states[1]


@given(st.lists(TRIPS, max_size=8))
def test_the_order_of_events_does_not_matter(trips: list[Trip]) -> None:
    there, back = Breaker(), Breaker()
    for trip in trips:
        there = there.tripped(trip)
    for trip in reversed(trips):
        back = back.tripped(trip)
    assert (there.state, there.closes, there.books) == (back.state, back.closes, back.books)


@given(BREAKERS)
def test_closing_needs_one_of_these_causes_and_a_halt_unless_a_leg_is_lost(breaker: Breaker) -> None:
    causes = {trip.event for trip in breaker.trips} & LOSS_MARGIN_PERSONS_AND_ENDS
    assert breaker.closes == bool(causes)
    assert not causes - {"leg_lost"} or breaker.state == "HALTED"


@given(BREAKERS)
def test_a_reason_is_told_exactly_while_nothing_is_decided(breaker: Breaker) -> None:
    assert (breaker.reason is None) == decides(breaker.state)


@given(BREAKERS, EVENTS)
def test_only_what_ends_by_itself_is_over_without_a_person(breaker: Breaker, event: Event) -> None:
    stood = event in {trip.event for trip in breaker.trips}
    stands = event in {trip.event for trip in breaker.over(event).trips}
    assert stands == (stood and ROWS[event].ends_by == "person")


@given(BREAKERS)
def test_rearming_leaves_what_ends_by_itself_and_closes_nothing(breaker: Breaker) -> None:
    rearmed = breaker.rearmed()
    assert all(ROWS[trip.event].ends_by == "itself" for trip in rearmed.trips)
    assert (rearmed.closes, rearmed.books, decides(rearmed.state)) == (False, True, True)


@given(BREAKERS, st.integers(0, 120))
def test_nothing_is_rearmed_before_everything_has_cooled_down(breaker: Breaker, now_ms: int) -> None:
    last_ms = max((trip.cools_until_ms for trip in breaker.trips), default=0)
    assert bool(breaker.refusal_to_rearm(now_ms)) == (now_ms < last_ms)


@given(BREAKERS, st.lists(TRIPS.filter(lambda one: ROWS[one.event].ends_by == "person"), max_size=4))
def test_a_restart_knows_what_is_stored_and_no_more(breaker: Breaker, stored: list[Trip]) -> None:
    by_person = [one for one in breaker.following(stored).trips if ROWS[one.event].ends_by == "person"]
    assert by_person[: len(stored)] == stored
    assert all(not ROWS[trip.event].books for trip in by_person[len(stored) :])
    assert stored or not by_person


def test_failing_again_is_forgotten_with_the_last_stored_event_only() -> None:
    breaker = Breaker().tripped(Trip("failed", "a")).tripped(Trip("failed_again", "b"))
    read = breaker.following([Trip("frozen", "halted by ann")])
    assert (read.state, read.books) == ("HALTED", False)
    assert read.following([]) == Breaker()
