"""A book's state in cells: nothing is lost on the way, and what is done there is what values would do."""

import pytest

from quant_pipelines.backtest.bar.state import BookState, MarketOrder, with_inputs, with_order
from quant_pipelines.backtest.bar.stops import StopInputs
from quant_pipelines.backtest.book.resting_play import STATE
from quant_pipelines.backtest.book.state_cells import StateCells

DISTINCT = STATE.read([float(cell) for cell in range(1, STATE.width + 1)], 0)


def kept(state: BookState) -> StateCells:
    """Cells that hold a state."""
    cells = StateCells()
    cells.state = state
    cells.cells()
    return cells


def test_a_state_comes_back_from_its_cells_with_whole_numbers_whole() -> None:
    assert repr(kept(DISTINCT).state) == repr(DISTINCT)
    assert len({float(cell) for cell in kept(DISTINCT).cells()[: STATE.width]}) == STATE.width
    assert isinstance(DISTINCT.day.n_orders, int)


def test_what_a_desk_reads_of_cells_is_what_stands_in_the_state() -> None:
    cells, view = kept(DISTINCT), kept(DISTINCT).view(0.5, 2.0)
    assert (cells.account, cells.equity, cells.close) == (
        DISTINCT.account,
        DISTINCT.curve.equity,
        DISTINCT.close,
    )
    assert view == (
        DISTINCT.account.position + DISTINCT.order.quantity,
        DISTINCT.curve.equity,
        DISTINCT.close,
        DISTINCT.day.start_equity,
        DISTINCT.target_side,
        0.5,
        2.0,
        float(DISTINCT.day.n_orders),
    )


@pytest.mark.parametrize("pending", [MarketOrder(2.0, 3, 1), MarketOrder(-0.0, 3, 1), MarketOrder(0.0, 3, 0)])
def test_reading_inputs_in_cells_is_an_order_of_nothing(pending: MarketOrder) -> None:
    state = DISTINCT._replace(order=pending)
    expected = with_order(with_inputs(state, StopInputs(1.5, 0.25)), 0.0, state.target_side, 7)
    cells = kept(state)
    cells.read(1.5, 0.25)
    assert repr(cells.state) == repr(expected)


def test_an_order_that_is_counted_in_cells_counts_in_the_state() -> None:
    cells = kept(DISTINCT)
    cells.count_order()
    assert cells.state == DISTINCT._replace(day=DISTINCT.day._replace(n_orders=DISTINCT.day.n_orders + 1))
