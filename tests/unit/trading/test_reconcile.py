from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import pytest

from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.orders import UNPROVEN
from quant_pipelines.trading.reconcile import OurRows, Reconciliation, VenueRows, reconcile
from quant_pipelines.trading.venue import VenueOrder, VenueStop

ORDER = VenueOrder("q1-1-a-t", "7", "ACCEPTED", Decimal(0))
STOP = VenueStop("q1-1-b-s", "8", "sell", Decimal(90), True, "ACCEPTED")
GOAL = STOP._replace(client_order_id="q1-1-d-s", trigger_price=Decimal(120), takes_profit=True)
OLDER_GOAL = GOAL._replace(client_order_id="q1-1-c-s")
OLDER_STOP = STOP._replace(client_order_id="q1-1-a-s", venue_order_id="6")


class Case(NamedTuple):
    name: str
    statuses: dict[str, str]
    venue: VenueRows
    expected: Reconciliation
    held: int = 0
    is_quiet: bool = True


def at_venue(
    position: int = 0, orders: tuple[VenueOrder, ...] = (), stops: tuple[VenueStop, ...] = ()
) -> VenueRows:
    return VenueRows(Decimal(position), orders, stops)


CASES = [
    Case("nothing anywhere", {}, at_venue(), Reconciliation()),
    Case(
        "filled and protected",
        {"q1-1-b-s": "ACCEPTED"},
        at_venue(2, stops=(STOP,)),
        Reconciliation(standing=(STOP,)),
        2,
    ),
    Case(
        "a stop whose answer was lost stands",
        {"q1-1-b-s": "UNKNOWN"},
        at_venue(stops=(STOP,)),
        Reconciliation(standing=(STOP,)),
    ),
    Case("sent, and not listed", {"q1-1-a-t": "UNKNOWN"}, at_venue(), Reconciliation(look_up=("q1-1-a-t",))),
    Case("never sent is not looked up", {"q1-1-a-t": "INITIALIZED"}, at_venue(), Reconciliation()),
    Case("ended is not looked up", {"q1-1-a-t": "FILLED"}, at_venue(), Reconciliation()),
    Case(
        "works at the venue",
        {"q1-1-a-t": "SUBMITTED"},
        at_venue(orders=(ORDER,)),
        Reconciliation(seen=(ORDER,)),
    ),
    Case(
        "a stop that we gave up is canceled",
        {"q1-1-b-s": "REJECTED"},
        at_venue(stops=(STOP,)),
        Reconciliation(cancel=("q1-1-b-s",)),
    ),
    Case(
        "of two stops neither is taken away here",
        {"q1-1-a-s": "ACCEPTED", "q1-1-b-s": "ACCEPTED"},
        at_venue(stops=(OLDER_STOP, STOP)),
        Reconciliation(standing=(OLDER_STOP, STOP)),
    ),
    Case(
        "a take-profit stands beside the stop, and one that we gave up is canceled",
        {"q1-1-b-s": "ACCEPTED", "q1-1-c-s": "EXPIRED", "q1-1-d-s": "ACCEPTED"},
        at_venue(stops=(OLDER_GOAL, STOP, GOAL)),
        Reconciliation(standing=(STOP, GOAL), cancel=("q1-1-c-s",)),
    ),
    Case(
        "others are left alone",
        {},
        at_venue(orders=(ORDER,), stops=(STOP,)),
        Reconciliation(external=("q1-1-a-t", "q1-1-b-s")),
    ),
    Case(
        "positions differ",
        {},
        at_venue(3),
        Reconciliation(difference="BTC/USDT:USDT: the venue holds 3 and our fills sum to 2"),
        2,
    ),
    Case(
        "positions are not compared while an order is out",
        {"x": "UNKNOWN"},
        at_venue(3),
        Reconciliation(look_up=("x",)),
        2,
        False,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_reconciliation(case: Case) -> None:
    ours = OurRows("BTC/USDT:USDT", Decimal(case.held), case.statuses, case.is_quiet)
    assert reconcile(ours, case.venue) == case.expected


@pytest.mark.parametrize(
    ("shown", "differs"),
    [((ORDER,), True), ((ORDER._replace(filled_quantity=Decimal(1)),), False), ((), False)],
    ids=["as booked", "filled further", "not listed"],
)
def test_positions_are_compared_where_what_rests_is_as_it_is_booked(
    shown: tuple[VenueOrder, ...], differs: bool
) -> None:
    statuses, at_rest = {ORDER.client_order_id: "ACCEPTED"}, {ORDER.client_order_id: Decimal(0)}
    ours = OurRows("BTC/USDT:USDT", Decimal(2), statuses, is_quiet=True, at_rest=at_rest)
    assert bool(reconcile(ours, at_venue(3, shown)).difference) == differs


PLACED = STOP._replace(client_order_id="q1-1-c-o4", closes_position=False, quantity=Decimal(1))


def test_a_stop_that_a_strategy_has_placed_waits_and_protects_nothing() -> None:
    names = (STOP.client_order_id, PLACED.client_order_id)
    ours = OurRows(
        "BTC/USDT:USDT",
        Decimal(2),
        dict.fromkeys(names, "ACCEPTED"),
        is_quiet=True,
        at_rest={names[1]: Decimal(0)},
        placed={names[1]},
    )
    waits = Reconciliation(standing=(STOP,), waiting=(PLACED,))
    assert reconcile(ours, at_venue(2, stops=(STOP, PLACED))) == waits
    assert reconcile(ours, at_venue(3, stops=(STOP, PLACED))).difference
    gone = Reconciliation(standing=(STOP,), look_up=(names[1],))
    assert reconcile(ours, at_venue(3, stops=(STOP,))) == gone  # it may have been filled


@pytest.mark.parametrize("status", UNPROVEN)
def test_a_stop_of_a_strategy_that_was_given_up_and_is_listed_is_taken_up_and_one_of_the_runner_canceled(
    status: OrderStatus,
) -> None:
    names = (STOP.client_order_id, PLACED.client_order_id)
    ours = OurRows(
        "BTC/USDT:USDT",
        Decimal(0),
        dict.fromkeys(names, status),
        is_quiet=True,
        placed={names[1]},
        late={names[1]},
    )
    there = at_venue(0, stops=(STOP, PLACED))
    assert reconcile(ours, there) == Reconciliation(waiting=(PLACED,), cancel=(names[0],))
    assert reconcile(replace(ours, late=frozenset()), there).cancel == names
