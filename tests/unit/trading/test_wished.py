"""Orders that rest at a venue for an event strategy: the table, row by row, and what holds of all of it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.orders import OPEN
from quant_pipelines.trading.wished import (
    RESTS,
    Cancel,
    Circumstances,
    Drop,
    PlaceOrder,
    Step,
    Wait,
    WishedOrder,
    next_step,
    unwished,
)

NOW = 100_000
FLAT = Circumstances(Decimal(0), may_open=True, now_ms=NOW)


def order(name: str = "a", **changes: Any) -> WishedOrder:
    """An order that rests and buys 2."""
    return WishedOrder(name, "buy", Decimal(2), "ACCEPTED", send_by_ms=NOW)._replace(**changes)


def unsent(name: str = "a", **changes: Any) -> WishedOrder:
    return order(name, status="INITIALIZED", most=Decimal(2))._replace(**changes)


TABLE: dict[str, tuple[list[WishedOrder], Circumstances, Step]] = {
    "nothing": ([], FLAT, Wait("rests")),
    "rests": ([order()], FLAT, Wait("rests")),
    "sent": ([order(status="SUBMITTED")], FLAT, Wait("not known")),
    "unknown": ([order(status="UNKNOWN", is_wished=False)], FLAT, Wait("not known")),
    "fill not booked": ([order(is_booked=False)], FLAT, Wait("not known")),
    "filled, not booked": ([order(status="FILLED", is_booked=False)], FLAT, Wait("not known")),
    "taken back": ([order(is_wished=False)], FLAT, Cancel("a")),
    "expired": ([order(expires_ms=NOW)], FLAT, Cancel("a")),
    "not expired": ([order(expires_ms=NOW + 1)], FLAT, Wait("rests")),
    "entry in a halt": ([order()], FLAT._replace(may_open=False), Cancel("a")),
    "exit in a halt": (
        [order(reduce_only=True)],
        Circumstances(Decimal(-2), may_open=False, now_ms=NOW),
        Wait("rests"),
    ),
    "exit of nothing": ([order(reduce_only=True)], FLAT, Cancel("a")),
    "exit of the other side": (
        [order(reduce_only=True)],
        FLAT._replace(position=Decimal(1)),
        Cancel("a"),
    ),
    "unsent": ([unsent()], FLAT, PlaceOrder("a")),
    "unsent ones in their order": ([unsent("b"), unsent("a")], FLAT, PlaceOrder("b")),
    "unsent, taken back": ([unsent(is_wished=False)], FLAT, Drop("a", "the strategy took it back")),
    "unsent in a halt": ([unsent()], FLAT._replace(may_open=False), Drop("a", "nothing may be opened")),
    "unsent for too long": ([unsent(send_by_ms=NOW - 1)], FLAT, Drop("a", "its decision is too old")),
    "unsent behind a cancel": ([order(is_wished=False), unsent("b")], FLAT, Cancel("a")),
    "unsent behind an unknown one": ([order(status="UNKNOWN"), unsent("b")], FLAT, Wait("not known")),
    "canceled one was filled": (
        [unsent()],
        FLAT._replace(position=Decimal(1)),
        Drop("a", "it no longer fits"),
    ),
    "others have their room": ([order(), unsent("b", most=Decimal(4))], FLAT, PlaceOrder("b")),
    "others have taken its room": ([order(), unsent("b")], FLAT, Drop("b", "it no longer fits")),
    "the other side takes no room": ([order(side="sell"), unsent("b")], FLAT, PlaceOrder("b")),
    "exits take no room": (
        [order(reduce_only=True), unsent("b", most=Decimal(1))],
        FLAT._replace(position=Decimal(-1)),
        PlaceOrder("b"),
    ),
}


@pytest.mark.parametrize(("orders", "around", "step"), TABLE.values(), ids=TABLE)
def test_step_is_the_tables(orders: list[WishedOrder], around: Circumstances, step: Step) -> None:
    assert next_step(orders, around, {}) == step


@pytest.mark.parametrize(("asked_ms", "step"), [(NOW - 1_999, Wait("not known")), (NOW - 2_000, Cancel("a"))])
def test_cancel_that_came_to_nothing_is_asked_for_again(asked_ms: int, step: Step) -> None:
    assert next_step([order(status="PENDING_CANCEL")], FLAT, {"a": asked_ms}) == step


STATUSES: st.SearchStrategy[OrderStatus] = st.sampled_from([*OPEN, "FILLED"])
QUANTITIES = st.integers(1, 4).map(Decimal)
ORDERS = st.lists(
    st.builds(
        WishedOrder,
        st.sampled_from("abcdefgh"),
        st.sampled_from(["buy", "sell"]),
        QUANTITIES,
        STATUSES,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(NOW - 1, NOW + 1),
        st.none() | QUANTITIES,
        st.integers(NOW - 1, NOW + 1),
    ),
    unique_by=lambda one: one.name,
    max_size=6,
)
AROUND = st.builds(Circumstances, st.integers(-3, 3).map(Decimal), st.booleans(), st.just(NOW))


@given(ORDERS, AROUND)
def test_whatever_is_so_nothing_is_sent_past_its_approval_or_beside_an_unknown(
    orders: list[WishedOrder], around: Circumstances
) -> None:
    step, known = next_step(orders, around, {}), {one.name: one for one in orders}
    if not isinstance(step, PlaceOrder):
        return
    sent = known[step.name]
    others = [one for one in orders if one.status != "INITIALIZED"]
    assert sent.status == "INITIALIZED"
    assert unwished(sent, around) is None
    assert all(one.status in RESTS and one.is_booked and not unwished(one, around) for one in others)
    if not sent.reduce_only:
        open_there = [one.leaves for one in others if one.side == sent.side and not one.reduce_only]
        held = around.position if sent.side == "buy" else -around.position
        assert sent.most is not None
        assert held + sum(open_there) + sent.leaves <= sent.most


@given(ORDERS, AROUND)
def test_whatever_is_so_steps_come_to_an_end_and_leave_no_entry_in_a_halt(
    orders: list[WishedOrder], around: Circumstances
) -> None:
    """A venue that does what it is asked leaves nothing that nobody wishes."""
    left, canceled_ms = list(orders), dict[str, int]()
    for _ in range(2 * len(orders) + 1):
        step = next_step(left, around, canceled_ms)
        if isinstance(step, Wait):
            break
        if isinstance(step, PlaceOrder):
            left = [one._replace(status="ACCEPTED") if one.name == step.name else one for one in left]
        else:
            left = [one for one in left if one.name != step.name]
    assert isinstance(step, Wait)
    assert not [one for one in left if one.status in RESTS and unwished(one, around)]
