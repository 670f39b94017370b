"""A set whose decision waits for its legs, and what it is paid: as a whole, or not yet."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from live_runner.book.broker import OpenBroker
from live_runner.venue.opening import open_venue_broker
from live_runner.venue.wire import Wire
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading.capital import WantedCapital
from tests.unit.live_runner.set_world import WARM, SetWorld
from tests.unit.live_runner.test_set import FREE, A, B

WAITS = "an order is not settled"


class AtVenue(SetWorld):
    """Legs at a venue that fills nothing."""

    def __init__(self) -> None:
        self.wires = dict[int, Wire]()
        super().__init__((A, B), FREE, 60)

    def open_broker(self, deployment: Deployment) -> OpenBroker:
        wire = self.wires[deployment.id] = Wire(lambda _: None, lambda: None)
        wire.blocked_by = ""
        return partial(open_venue_broker, stop_fraction=0.05, wire=wire)


@pytest.mark.parametrize("again", [0, 1])
def test_a_leg_that_hinders_the_late_decision_anew_has_it_tried_again_once_it_is_free(again: int) -> None:
    """Whoever talks to the venue looks at those alone of which it is noted that they hinder it."""
    world = AtVenue()
    second = world.legs[1]
    world.wires[second.id].blocked_by = WAITS
    close_ms = world.start_ms + (WARM + 1) * MINUTE_MS
    world.close(close_ms)
    assert [leg.is_hindered for leg in world.legs] == [False, True]
    world.wires[second.id].blocked_by = ""
    second.is_hindered = False  # as it is taken up, another order of a leg is not settled
    hindering = world.legs[again]
    world.wires[hindering.id].blocked_by = WAITS
    world.whole.decide_late(close_ms + 2_000, 0.0)
    assert world.journal.tables.signals == {}
    assert hindering.is_hindered
    world.wires[hindering.id].blocked_by = ""
    world.whole.decide_late(close_ms + 3_000, 0.0)
    assert len(world.journal.tables.signals) == 2


def test_a_set_is_paid_once_its_legs_have_decided() -> None:
    world = AtVenue()
    close_ms = world.start_ms + (WARM + 1) * MINUTE_MS
    for leg in world.legs:
        leg.wanted_capital = WantedCapital(Decimal(8000), from_ms(world.start_ms))
    world.wires[world.legs[1].id].blocked_by = WAITS
    world.close(close_ms)
    assert world.journal.tables.income == {}  # the leg that is free would be paid without the other one
    world.wires[world.legs[1].id].blocked_by = ""
    world.whole.decide_late(close_ms + 2_000, 0.0)
    assert len(world.journal.tables.signals) == 2


def test_what_one_leg_lacks_is_not_taken_out_of_another() -> None:
    """The legs stand behind each other's margin: what one has beyond its own is not all free."""
    world = SetWorld((A, B), FREE, 60)
    world.play(end=45)
    rich, poor = world.legs
    owed = Decimal(repr(-500.0 - float(poor.worth().equity)))
    poor.with_broker(lambda broker: broker.pay(owed, poor.booked_until_ms))
    poor_has = poor.with_broker(lambda broker: broker.paid_in)
    rich.wanted_capital = WantedCapital(Decimal(1), from_ms(world.start_ms))
    poor.wanted_capital = WantedCapital(poor_has, from_ms(world.start_ms))
    world.close(world.start_ms + 46 * MINUTE_MS)
    paid: list[Any] = [row.amount for row in world.journal.tables.income.values()]
    assert -2_500 <= sum(paid) < 0
