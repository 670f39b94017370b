from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.orders import (
    FINAL,
    FOLLOWERS,
    LATE,
    OPEN,
    UNPROVEN,
    OrderProgress,
    advanced,
    has_unproven_end,
    may_follow,
    predecessors,
    stepped,
)

STATUSES = st.sampled_from(sorted(FOLLOWERS))
PROGRESS = st.builds(OrderProgress, STATUSES, st.integers(0, 5).map(Decimal))


def test_the_table_knows_every_status_of_the_database() -> None:
    assert set(FOLLOWERS) == set(get_args(OrderStatus)) == {*OPEN, *FINAL}


def test_nothing_follows_a_final_status_and_nothing_leads_back_to_the_start() -> None:
    assert all(not FOLLOWERS[status] for status in FINAL)
    assert predecessors("INITIALIZED") == ()
    assert predecessors("DENIED") == ("INITIALIZED", "SUBMITTED")
    assert not may_follow("ACCEPTED", "UNKNOWN")


@pytest.mark.parametrize("status", OPEN)
def test_every_open_status_can_end(status: str) -> None:
    assert set(FINAL) & FOLLOWERS[status]


@given(st.lists(PROGRESS, max_size=12))
def test_whatever_is_seen_an_order_never_goes_back(seen: list[OrderProgress]) -> None:
    known = OrderProgress("INITIALIZED")
    for one in seen:
        new = advanced(known, one)
        if new is None:
            continue
        assert known.status not in FINAL or new.status == known.status
        assert new.filled_quantity >= known.filled_quantity
        assert new != known
        known = new


@given(PROGRESS, PROGRESS)
def test_only_an_order_that_never_had_a_number_is_found_to_have_arrived_after_all(
    known: OrderProgress, seen: OrderProgress
) -> None:
    late, usual = advanced(known, seen, gets_number=True), advanced(known, seen)
    if known.status in UNPROVEN and seen.status in LATE:
        filled = max(known.filled_quantity, seen.filled_quantity)
        assert late == OrderProgress(seen.status, filled)
        assert usual is None or seen.status == known.status
    else:
        assert late == usual


@pytest.mark.parametrize(
    ("status", "number", "expected"),
    [
        ("REJECTED", None, True),
        ("EXPIRED", None, True),
        ("EXPIRED", "4711", False),
        ("CANCELED", None, False),
        ("DENIED", None, False),
        ("UNKNOWN", None, False),
    ],
)
def test_an_end_that_an_answer_told_of_an_order_without_a_number_is_not_proven(
    status: OrderStatus, number: str | None, *, expected: bool
) -> None:
    assert has_unproven_end(status, number) is expected


@given(PROGRESS, PROGRESS)
def test_an_observation_tells_something_once(known: OrderProgress, seen: OrderProgress) -> None:
    new = advanced(known, seen)
    if new is not None and new.status == seen.status and not may_follow(seen.status, seen.status):
        assert advanced(new, seen) is None


def test_a_late_partial_fill_does_not_reopen_a_filled_order() -> None:
    filled = OrderProgress("FILLED", Decimal(2))
    assert advanced(filled, OrderProgress("PARTIALLY_FILLED", Decimal(1))) is None


@given(PROGRESS, PROGRESS)
def test_a_change_of_our_own_is_one_that_the_table_allows_or_an_error(
    known: OrderProgress, new: OrderProgress
) -> None:
    grows = new.status == known.status and new.filled_quantity > known.filled_quantity
    follows = may_follow(known.status, new.status) and new.filled_quantity >= known.filled_quantity
    if grows or follows:
        assert stepped("q1", known, new) == new
    else:
        with pytest.raises(ReconciliationError, match=f"order q1 is {known.status} with "):
            stepped("q1", known, new)
