"""Where a day's profit comes from, by hand; and what is refused with a sentence."""

from decimal import Decimal

import pytest

from quant_pipelines.core.errors import DataError
from quant_pipelines.pnl import (
    TRANSFER,
    BookFill,
    BookHistory,
    BookMark,
    BookPayment,
    BookPeriod,
    LotFill,
    PeriodPnl,
    PnlTerms,
    StoredEquity,
    days_of,
    disagreements,
    match_lots,
    split,
    summed,
)

DAY = 86_400_000
NAN = Decimal("NaN")


def fill(at_ms: int, quantity: int, price: int, arrival: int | None = None, fee: int = 0) -> BookFill:
    return BookFill(at_ms, Decimal(quantity), Decimal(price), Decimal(fee), arrival and Decimal(arrival))


def day(*fills: BookFill, held: int = 0, paid: tuple[BookPayment, ...] = ()) -> BookPeriod:
    start, end = BookMark(0, Decimal(100)), BookMark(DAY, Decimal(110))
    return BookPeriod(0, DAY, Decimal(held), start, end, fills, paid)


def test_what_is_held_all_day_is_beta_alone() -> None:
    assert split(day(held=3)).terms == PnlTerms(beta=Decimal(30))


def test_a_reversal_at_noon_has_no_average_exposure_and_is_timing() -> None:
    terms = split(day(fill(DAY // 2, -4, 108, 108), held=2)).terms
    # 2 by 8 until noon, -2 by 2 after it; on average nothing was held.
    assert (terms.beta, terms.timing, terms.slippage) == (0, 12, 0)


def test_a_fill_at_the_first_moment_counts_all_day_and_one_at_the_last_not_at_all() -> None:
    assert split(day(fill(0, 1, 100, 100))).terms == PnlTerms(beta=Decimal(10))
    assert split(day(fill(DAY, 1, 110, 110))).terms.total == 0


@pytest.mark.parametrize("arrival", [None, NAN, Decimal(0)])
def test_without_a_price_at_arrival_slippage_is_timing_and_counted(arrival: Decimal | None) -> None:
    found = split(day(BookFill(DAY // 2, Decimal(2), Decimal(104), arrival=arrival)))
    assert (found.terms.slippage, found.terms.timing) == (0, 2)
    assert (found.n_unknown, found.unknown_value) == (1, 208)


def test_capital_that_was_moved_is_no_profit() -> None:
    paid = (BookPayment(0, TRANSFER, Decimal(500)), BookPayment(0, "funding", Decimal(-2)))
    found = split(day(held=1, paid=paid))
    assert (found.change, found.transfers, found.terms.funding) == (8, 500, -2)


def test_terms_that_do_not_sum_are_an_error() -> None:
    odd = PeriodPnl(PnlTerms(beta=Decimal(3)), change=Decimal(2))
    with pytest.raises(DataError, match="since 1970-01-01 00:00 sum to 3; expected 2, the change of equity"):
        summed([odd], 0)


def test_amounts_that_are_no_numbers_and_unknown_income_are_named() -> None:
    with pytest.raises(DataError, match="price of a fill at 1970-01-01 00:00 is NaN; expected a number"):
        split(day(BookFill(0, Decimal(1), NAN)))
    with pytest.raises(DataError, match="fee of the fill at 1970-01-01 00:00 is NaN"):
        match_lots([LotFill(0, Decimal(1), Decimal(1), NAN)])
    with pytest.raises(DataError, match="of kind 'gift'; expected one of funding, insurance, transfer"):
        split(day(paid=(BookPayment(0, "gift", Decimal(1)),)))


def test_a_fill_before_any_bar_is_refused() -> None:
    history = BookHistory(Decimal(1000), [fill(5, 1, 100)], [], {}, None)
    with pytest.raises(DataError, match="booked on 1970-01-01 before the book's first bar"):
        days_of(history, [0, DAY])


def test_days_without_bookings_are_left_out_and_nothing_is_lost_between() -> None:
    """No bar for two days while 1 was held: the third day has the whole move."""
    marks = {0: BookMark(0, Decimal(100)), DAY: BookMark(DAY, Decimal(110))}
    marks |= {2 * DAY: marks[DAY], 3 * DAY: marks[DAY], 4 * DAY: BookMark(4 * DAY, Decimal(90))}
    history = BookHistory(Decimal(1000), [fill(0, 1, 100, 100)], [], marks, marks[0])
    found = days_of(history, [number * DAY for number in range(5)])
    assert [(one.day_ms // DAY, one.pnl.change) for one in found.days] == [(0, 10), (3, -20)]
    assert found.held_whole == -100


def test_a_flat_book_does_not_begin_with_a_price_of_long_ago() -> None:
    marks = {9 * DAY: BookMark(0, Decimal(50)), 10 * DAY: BookMark(10 * DAY, Decimal(110))}
    history = BookHistory(Decimal(1000), [fill(9 * DAY + DAY // 2, 1, 100, 100)], [], marks, None)
    [found] = days_of(history, [9 * DAY, 10 * DAY]).days
    assert found.pnl.terms == PnlTerms(beta=Decimal(10))
    assert found.start == BookMark(9 * DAY + DAY // 2, Decimal(100))


def test_a_fill_in_flight_is_no_disagreement_at_a_venue_and_is_one_on_paper() -> None:
    late = [fill(60_500, 1, 100, fee=1)]
    row = StoredEquity(60_000, 61_000, Decimal(110), Decimal(1009))
    assert disagreements(Decimal(1000), late, [], [row], is_paper=False) == []
    [told] = disagreements(Decimal(1000), late, [], [row], is_paper=True)
    assert "equity stored at 1970-01-01 00:01 is 1009, its fills and payments make 1000" in told


def test_lifo_closes_the_newest_lot_and_fees_are_shared_by_quantity() -> None:
    fills = [
        LotFill(0, Decimal(1), Decimal(100), Decimal(1)),
        LotFill(1, Decimal(1), Decimal(90), Decimal(1)),
    ]
    found = match_lots([*fills, LotFill(2, Decimal(-3), Decimal(95), Decimal(3))], "lifo")
    assert [(lot.open_price, lot.fees, lot.gain) for lot in found.closed] == [(90, 2, 3), (100, 2, -7)]
    [short] = found.open
    assert (short.quantity, short.price, short.fee) == (-1, 95, 1)
