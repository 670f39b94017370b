"""What happens to one leg of a set decides what the others may do."""

from typing import get_args

import pytest

from quant_pipelines.trading.breaker import TABLE, Breaker, Event, Trip
from quant_pipelines.trading.legs import EFFECTS, LegEvent, LegState, Loss, event_of, must_be_flat, trips_by

CLOSING = {row.event for row in TABLE if row.closes}
EXPECTED = {"REDUCING": "leg_stopped", "FROZEN": "leg_stopped", "HALTED": "leg_stopped"}


@pytest.mark.parametrize("event", get_args(Event))
def test_every_trip_of_a_leg_stops_the_entries_of_the_others_and_what_closes_it_closes_them(
    event: Event,
) -> None:
    breaker = Breaker((Trip(event, "it happened"),))
    [trip] = trips_by([LegState("ETH/USDT:USDT", breaker), LegState("SOL/USDT:USDT", Breaker())])
    expected = "leg_gone" if event in CLOSING else EXPECTED[breaker.state]
    assert trip == Trip(expected, "leg ETH/USDT:USDT: it happened")
    others = Breaker((trip,))
    assert (others.closes, others.state == "ACTIVE") == (event in CLOSING, False)
    assert others.only_reduces or others.closes


@pytest.mark.parametrize("lost", get_args(Loss))
def test_a_leg_that_does_not_hold_what_it_should_has_the_others_closed(lost: Loss) -> None:
    gone = LegState("A", Breaker(), lost)
    [trip] = trips_by([gone])
    assert (event_of(gone), trip.event, must_be_flat([gone])) == (lost, "leg_lost", True)
    others = Breaker((trip,))
    assert (others.closes, others.state, others.only_reduces) == (True, "REDUCING", True)
    assert not must_be_flat([LegState("B", Breaker((Trip("delisting"),)))])


def test_the_table_has_a_row_for_each_event() -> None:
    assert set(EFFECTS) == {name for part in get_args(LegEvent) for name in get_args(part) or (part,)}
