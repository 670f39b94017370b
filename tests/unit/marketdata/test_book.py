import math
from collections.abc import Sequence

from quant_pipelines.marketdata.book import BookChange, Level, OrderBook, SequenceGap


def a_book() -> OrderBook:
    return OrderBook.from_snapshot(100, [(10.0, 1.0), (9.0, 2.0)], [(11.0, 1.0), (12.0, 2.0)])


def change(
    first: int, last: int, previous: int, bids: Sequence[Level] = (), asks: Sequence[Level] = ()
) -> BookChange:
    return BookChange(first, last, previous, tuple(bids), tuple(asks))


def test_change_sets_and_removes_levels() -> None:
    book = a_book()
    assert book.apply(change(101, 105, 100, bids=[(10.0, 0.0), (9.5, 3.0)], asks=[(10.5, 4.0)])) is None
    assert book.top() == (9.5, 3.0, 10.5, 4.0)


def test_message_from_before_the_snapshot_is_left_out() -> None:
    book = a_book()
    assert book.apply(change(90, 99, 89, bids=[(10.9, 1.0)])) is None
    assert (book.top().bid, book.last_id) == (10.0, 100)


def test_first_message_reaches_over_the_snapshot() -> None:
    book = a_book()
    assert book.apply(change(95, 103, 94, bids=[(10.2, 1.0)])) is None
    assert book.last_id == 103


def test_message_that_was_lost_is_told_and_changes_nothing() -> None:
    book = a_book()
    book.apply(change(101, 105, 100))
    assert book.apply(change(110, 112, 109, bids=[(10.9, 1.0)])) == SequenceGap(105, 109)
    assert (book.top().bid, book.last_id) == (10.0, 105)


def test_first_message_that_comes_too_late_is_told() -> None:
    assert a_book().apply(change(105, 112, 104)) == SequenceGap(100, 104)


def test_crossed_and_locked_tops_are_told() -> None:
    book = a_book()
    assert not book.top().is_crossed
    book.apply(change(101, 102, 100, bids=[(11.0, 1.0)]))
    assert book.top().is_crossed


def test_empty_side_has_no_price() -> None:
    top = OrderBook(1).top()
    assert math.isnan(top.bid)
    assert (top.bid_quantity, top.is_crossed) == (0.0, False)
