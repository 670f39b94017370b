"""Terms of a profit sum to the change of equity, and lots to what fills made, whatever was traded."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.core.arrival import ExecutedPart, arrival_cost
from quant_pipelines.pnl import (
    BookFill,
    BookHistory,
    BookMark,
    BookPayment,
    BookPeriod,
    LotFill,
    StoredEquity,
    days_of,
    disagreements,
    exact,
    held_average,
    match_lots,
    split,
    together,
    with_rest,
)
from quant_pipelines.pnl.holding import HeldDay

DAY = 86_400_000
N_DAYS = 3
ZERO = Decimal(0)


def in_order(found: list) -> list:
    return sorted(found, key=lambda one: one.at_ms)


prices = st.decimals("0.00001", "90000", places=8)
amounts = st.decimals("-5", "5", places=8)
quantities = st.decimals("-3", "3", places=6).filter(bool)
# Also the edges: the first moment of a day, its last, and the next day's first.
times = st.integers(0, N_DAYS * DAY - 1) | st.sampled_from([0, DAY - 1, DAY, 2 * DAY])
arrivals = st.none() | st.just(Decimal("NaN")) | prices
fills = st.lists(st.builds(BookFill, times, quantities, prices, amounts, arrivals), max_size=8).map(in_order)
payments = st.lists(
    st.builds(BookPayment, times, st.sampled_from(["funding", "insurance", "transfer"]), amounts), max_size=5
).map(in_order)
marks = st.lists(prices, min_size=N_DAYS + 1, max_size=N_DAYS + 1)


def history(traded: list[BookFill], paid: list[BookPayment], marked: list[Decimal]) -> BookHistory:
    at = {number * DAY: BookMark(number * DAY, price) for number, price in enumerate(marked)}
    return BookHistory(Decimal(1000), traded, paid, at, at[0])


def worth(book: BookHistory, at_ms: int) -> Decimal:
    """Equity before a moment, by its cash and what it holds."""
    done = [one for one in book.fills if one.at_ms < at_ms]
    cash = book.capital + sum((one.amount for one in book.payments if one.at_ms < at_ms), ZERO)
    for fill in done:
        cash -= fill.quantity * fill.price + fill.fee
    return cash + sum((one.quantity for one in done), ZERO) * book.marks[at_ms].price


@settings(max_examples=50)
@given(fills, payments, marks)
def test_terms_of_each_day_sum_to_the_change_of_equity_without_transfers(
    traded: list[BookFill], paid: list[BookPayment], marked: list[Decimal]
) -> None:
    book = history(traded, paid, marked)
    bounds = [number * DAY for number in range(N_DAYS + 1)]
    found = {one.day_ms: one.pnl for one in days_of(book, bounds).days}
    with exact():
        for start, end in pairwise(bounds):
            moved = sum(
                (one.amount for one in paid if one.kind == "transfer" and start <= one.at_ms < end), ZERO
            )
            assert sum(found[start].terms, ZERO) == worth(book, end) - worth(book, start) - moved
            assert found[start].transfers == moved
        assert found[0].n_unknown + found[DAY].n_unknown + found[2 * DAY].n_unknown == sum(
            one.met is None for one in traded
        )


@settings(max_examples=25)
@given(fills, fills, marks, marks, amounts)
def test_an_account_is_the_sum_of_its_books_and_of_what_none_owns(
    mine: list[BookFill], theirs: list[BookFill], marked: list[Decimal], other: list[Decimal], rest: Decimal
) -> None:
    bounds = [number * DAY for number in range(N_DAYS + 1)]
    books = [days_of(history(mine, [], marked), bounds), days_of(history(theirs, [], other), bounds)]
    account = with_rest(together(books), {DAY: rest}).total
    with exact():
        assert account.change == sum((one.total.change for one in books), rest) == account.terms.total
    assert account.terms.rest == rest


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(BookFill, st.just(0), quantities, prices, st.just(ZERO), prices), min_size=1, max_size=6
    )
)
def test_slippage_is_the_cost_that_orders_have_against_their_arrival(traded: list[BookFill]) -> None:
    day = BookPeriod(0, DAY, ZERO, BookMark(0, Decimal(100)), BookMark(DAY, Decimal(90)), tuple(traded))
    cost = ZERO
    with exact():
        for fill in traded:
            part = ExecutedPart(abs(fill.quantity), fill.price, fill.fee)
            cost += (fill.price - fill.arrival) * fill.quantity
        assert split(day).terms.slippage == -cost
    one = arrival_cost("buy" if fill.quantity > 0 else "sell", fill.arrival, [part])
    alone = split(day._replace(fills=(fill,))).terms.slippage
    assert one is not None
    assert one.shortfall == -alone


@settings(max_examples=30)
@given(fills, prices, st.sampled_from(["fifo", "lifo"]))
def test_gains_of_lots_and_what_is_open_sum_to_what_fills_made(
    traded: list[BookFill], price: Decimal, order: str
) -> None:
    found = match_lots([LotFill(one.at_ms, one.quantity, one.price, one.fee) for one in traded], order)  # type: ignore[arg-type]
    with exact():
        held = sum((lot.quantity * (price - lot.price) - lot.fee for lot in found.open), ZERO)
        made = sum((one.quantity * (price - one.price) - one.fee for one in traded), ZERO)
        assert sum((lot.gain for lot in found.closed), held) == made
        assert sum((lot.quantity for lot in found.open), ZERO) == sum((one.quantity for one in traded), ZERO)
    assert all(lot.opened_ms <= lot.closed_ms and lot.quantity > 0 for lot in found.closed)
    assert len({lot.quantity > 0 for lot in found.open}) <= 1


@settings(max_examples=25)
@given(fills, payments, marks)
def test_equity_of_floats_that_were_driven_by_the_same_fills_agrees_and_another_does_not(
    traded: list[BookFill], paid: list[BookPayment], marked: list[Decimal]
) -> None:
    book = history(traded, paid, marked)
    with exact():
        rows = [
            StoredEquity(at, at, book.marks[at].price, Decimal(repr(float(worth(book, at)))))
            for at in (DAY, 2 * DAY, 3 * DAY)
        ]
        odd = [rows[0], rows[1]._replace(equity=rows[1].equity + Decimal(100_000)), rows[2]]
    assert disagreements(book.capital, traded, paid, rows, is_paper=True) == []
    assert len(disagreements(book.capital, traded, paid, odd, is_paper=True)) == 1


@settings(max_examples=30)
@given(marks, quantities)
def test_holding_a_constant_exposure_is_its_beta(marked: list[Decimal], held: Decimal) -> None:
    days = [HeldDay(start, end, mean_quantity=held) for start, end in pairwise(marked)]
    made = held_average(days)
    assert abs(made - held * (marked[-1] - marked[0])) <= Decimal("1e-12")
