"""Execution bars with resting orders, in one compiled call up to the first in which something happens.

A book's state and terms are cells here, see ``core.cells``: most calls are of one bar, and short.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.accounting.account import open_account
from quant_pipelines.accounting.margin import NO_MARGIN
from quant_pipelines.backtest.bar.resting import Sheet
from quant_pipelines.backtest.bar.resting_step import step_orders
from quant_pipelines.backtest.bar.state import (
    StepBar,
    StepTerms,
    opening_state,
)
from quant_pipelines.backtest.bar.tally import Tally, tally_after
from quant_pipelines.backtest.market.spans import ladder_at
from quant_pipelines.backtest.market.tape import Beside
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.cells import cells_of
from quant_pipelines.core.jit import kernel, scalar
from quant_pipelines.costs import CostTerms

(
    TS,
    OPEN,
    HIGH,
    LOW,
    CLOSE,
    FUNDING,
    VOLUME,
    MARK_OPEN,
    MARK_HIGH,
    MARK_LOW,
    INSIDE,
    EQUITY,
    POSITION,
) = range(13)
"""Columns of a strip: the fields of ``StepBar``, and what is written at each close."""
N_COLUMNS = POSITION + 1


class Strip(NamedTuple):
    """Execution bars as rows of shape (n_bars, N_COLUMNS); ``beside`` is as in ``Tape``."""

    bars: FloatArray
    beside: Beside | None


class Course(NamedTuple):
    """What a book is asked to play, and what happened in the last bar that it has booked.

    Parameters
    ----------
    first, end
        Bars of the strip.
    n_orders
        Orders that rest.
    has_news
        Whether something has happened in it; else what follows has no meaning.
    funding_paid, funding_inside, n_at_open, n_fills, has_ended
        As in ``RestingOutcome``.
    """

    first: int
    end: int
    n_orders: int
    has_news: bool
    funding_paid: float
    funding_inside: float
    n_at_open: int
    n_fills: int
    has_ended: bool


NOTHING_PLAYED = Course(0, 0, 0, False, 0.0, 0.0, 0, 0, False)
STATE = cells_of(opening_state(open_account(0.0), 0))
TERMS = cells_of(StepTerms(CostTerms(0.0, 0.0), 0.0, 0.0, 0, margin=NO_MARGIN))
COURSE = cells_of(NOTHING_PLAYED)
AT_TERMS = STATE.width
AT_COURSE = AT_TERMS + TERMS.width
N_CELLS = AT_COURSE + COURSE.width
"""Cells of a book; the brackets of its terms follow behind them, three cells for each."""
_read_state, _write_state, _read_terms = STATE.read, STATE.write, TERMS.read
_read_course, _write_course = COURSE.read, COURSE.write


@scalar
def bar_at(strip: Strip, at: int) -> StepBar:
    """Return a bar by its position."""
    row = strip.bars[np.uint64(at)]
    return StepBar(
        int(row[TS]),
        row[OPEN],
        row[HIGH],
        row[LOW],
        row[CLOSE],
        row[FUNDING],
        row[VOLUME],
        row[MARK_OPEN],
        row[MARK_HIGH],
        row[MARK_LOW],
        ladder_at(strip.beside, at),
        row[INSIDE],
    )


@kernel
def play(
    cells: FloatArray, orders: FloatArray, fills: FloatArray, bars: FloatArray, beside: Beside | None
) -> int:
    """Step over bars until one has a fill, a payment or an order's end, or the strip is over.

    Parameters
    ----------
    cells
        State, terms and course of a book, and the brackets of the terms; state and course are moved on.
    orders, fills
        As in ``Sheet``, with all rows that orders may take.
    bars, beside
        As in ``Strip``.

    Returns
    -------
    int
        The bar behind the last one that was booked.
    """
    state, course = _read_state(cells, 0), _read_course(cells, AT_COURSE)
    brackets = cells[N_CELLS:].reshape((cells.size - N_CELLS) // 3, 3)
    terms, strip = _read_terms(cells, AT_TERMS, brackets), Strip(bars, beside)
    sheet, i = Sheet(orders[: course.n_orders], fills), course.first
    while True:
        outcome = step_orders(state, bar_at(strip, i), terms, sheet)
        state = outcome.state
        bars[i, EQUITY], bars[i, POSITION] = state.curve.equity, state.account.position
        i += 1
        is_paid = outcome.funding_paid != 0.0 or outcome.funding_inside != 0.0
        has_news = outcome.n_fills > 0 or is_paid or outcome.has_ended
        if has_news or i >= course.end:
            break
    _write_state(cells, 0, state)
    told = Course(
        course.first,
        course.end,
        course.n_orders,
        has_news,
        outcome.funding_paid,
        outcome.funding_inside,
        outcome.n_at_open,
        outcome.n_fills,
        outcome.has_ended,
    )
    _write_course(cells, AT_COURSE, told)
    return i


@kernel
def tally_over(tally: Tally, bars: FloatArray) -> Tally:
    """Move sums on by the closes of bars that were played; what was traded is left as it is."""
    for i in range(bars.shape[0]):
        is_held = bars[i, POSITION] != 0.0
        tally = tally_after(tally, tally.traded_notional, is_held, bars[i, EQUITY])
    return tally
