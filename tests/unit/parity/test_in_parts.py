"""What a day's replay is told of entries that came out in parts: rows as they are read."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from quant_pipelines.research.parity_inputs import _intended, _left_open, _waited

D = Decimal


def order(close: int, purpose: str, quantity: str, filled: str, kind: str = "market") -> SimpleNamespace:
    """Row of an order that has ended."""
    sizes = {"quantity": D(quantity), "filled_quantity": D(filled)}
    return SimpleNamespace(
        decided_ms=close, purpose=purpose, side="buy", order_type=kind, status="FILLED", **sizes
    )


def day(first: str = "0.4") -> Any:
    """A decision in parts of which the last was never sent, one that rested, and one at market."""
    decisions = [
        SimpleNamespace(close_ms=close, order_quantity=quantity, slice=part)
        for close, quantity, part in ((1, 1.0, 0.4), (2, 0.5, None), (3, 0.25, None))
    ]
    orders = [
        order(1, "target", first, "0.4"),
        order(1, "remainder", "0.4", "0.4"),
        order(2, "target", "0.5", "0.3", "limit"),
        order(2, "remainder", "0.2", "0.2"),
        order(3, "target", "0.25", "0.25"),
    ]
    return SimpleNamespace(decisions=decisions, orders=orders)


def test_what_was_decided_in_parts_is_intended_whole_where_its_first_part_is_right() -> None:
    assert _intended(day()) == {1: 1.0, 2: 0.5, 3: 0.25}
    assert _intended(day(first="0.3")) == {1: 0.3, 2: 0.5, 3: 0.25}


def test_parts_that_were_not_sent_are_left_open_and_a_rest_that_was_is_not() -> None:
    assert _left_open(day()) == {1: D("0.2")}


def test_what_rested_or_came_out_in_parts_has_waited() -> None:
    assert _waited(day()) == {1, 2}
