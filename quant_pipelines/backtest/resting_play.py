"""Execution bars with resting orders, in one compiled call up to the first in which something happens."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.resting import OPEN, STATUS
from quant_pipelines.backtest.resting_step import step_orders
from quant_pipelines.backtest.spans import ladder_at, mark_at
from quant_pipelines.backtest.state import BookState, StepBar, StepTerms
from quant_pipelines.backtest.tally import Tally, drawdown_after
from quant_pipelines.backtest.tape import Beside
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import change_of, kernel


class Reel(NamedTuple):
    """Execution bars as columns of shape (n_bars,), with the funding per unit at each open.

    ``equity`` is written: the one at each close; ``beside`` is as in ``Tape``.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    funding: FloatArray
    volume: FloatArray
    equity: FloatArray
    beside: Beside | None


class Played(NamedTuple):
    """State behind the last bar that was played, the position behind it, what happened in it, and sums."""

    state: BookState
    until: int
    funding_paid: float
    n_fills: int
    tally: Tally


_closed = change_of(Tally, "bars_held", "peak", "max_drawdown")


@kernel
def play(
    state: BookState,
    reel: Reel,
    span: tuple[int, int],
    terms: StepTerms,
    book: tuple[FloatArray, FloatArray],
    tally: Tally,
) -> Played:
    """Step over bars until one has a fill, a payment or an order's end, or the span is over.

    Parameters
    ----------
    state
        Before the span.
    reel, span
        Bars, and the positions ``[first, end)`` of those that are played; at least one.
    terms
        As in ``step_orders``.
    book
        Orders and fills, as in ``step_orders``.
    tally
        Sums before the span; what was traded is left as it is.
    """
    orders, fills = book
    i, funding_paid, n_fills = span[0], 0.0, 0
    while i < span[1]:
        u = np.uint64(i)
        mark_open, mark_high, mark_low = mark_at(reel.beside, i)
        bar = StepBar(
            reel.ts[u],
            reel.open[u],
            reel.high[u],
            reel.low[u],
            reel.close[u],
            reel.funding[u],
            reel.volume[u],
            mark_open,
            mark_high,
            mark_low,
            ladder_at(reel.beside, i),
        )
        outcome = step_orders(state, bar, terms, orders, fills)
        state, funding_paid, n_fills = outcome.state, outcome.funding_paid, outcome.n_fills
        i += 1
        reel.equity[u] = state.curve.equity
        peak = max(tally.peak, state.curve.equity)
        deepest = drawdown_after(tally.max_drawdown, peak, state.curve.equity)
        held = tally.bars_held + (1 if state.account.position != 0.0 else 0)
        tally = _closed(tally, bars_held=held, peak=peak, max_drawdown=deepest)
        if n_fills > 0 or funding_paid != 0.0 or _has_ended(orders):
            break
    return Played(state, i, funding_paid, n_fills, tally)


@kernel
def _has_ended(orders: FloatArray) -> bool:
    for at in range(orders.shape[0]):  # noqa: SIM110 - compiled code has no generators
        if orders[at, STATUS] != OPEN:
            return True
    return False
