"""Execution bars with resting orders, in one compiled call up to the first in which something happens."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.bar.resting import Sheet
from quant_pipelines.backtest.bar.resting_step import RestingOutcome, step_orders
from quant_pipelines.backtest.bar.state import BookState, StepBar, StepTerms
from quant_pipelines.backtest.bar.tally import Tally, tally_after
from quant_pipelines.backtest.market.spans import ladder_at, mark_at
from quant_pipelines.backtest.market.tape import Beside
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import kernel, scalar


class Strip(NamedTuple):
    """Execution bars as columns of shape (n_bars,), of which those at ``[first, end)`` are played.

    ``funding`` is that per unit at each open and inside of each bar, shape (n_bars, 2); ``equity`` is
    written: the one at each close; ``beside`` is as in ``Tape``.
    """

    first: int
    end: int
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
    """Outcome of the last bar that was played, the position after it, and sums."""

    outcome: RestingOutcome
    until: int
    tally: Tally


@scalar
def bar_at(strip: Strip, at: int) -> StepBar:
    """Return a bar by its position."""
    u = np.uint64(at)
    mark_open, mark_high, mark_low = mark_at(strip.beside, at)
    return StepBar(
        strip.ts[u],
        strip.open[u],
        strip.high[u],
        strip.low[u],
        strip.close[u],
        strip.funding[u, 0],
        strip.volume[u],
        mark_open,
        mark_high,
        mark_low,
        ladder_at(strip.beside, at),
        strip.funding[u, 1],
    )


@kernel
def play(state: BookState, strip: Strip, terms: StepTerms, sheet: Sheet, tally: Tally) -> Played:
    """Step over bars until one has a fill, a payment or an order's end, or the strip is over.

    Parameters
    ----------
    state
        Before the first bar.
    strip
        Bars; at least one is played.
    terms, sheet
        As in ``step_orders``.
    tally
        Sums before the first bar; what was traded is left as it is.
    """
    i = strip.first
    while True:
        outcome = step_orders(state, bar_at(strip, i), terms, sheet)
        state = outcome.state
        value = state.curve.equity
        strip.equity[np.uint64(i)] = value
        i += 1
        tally = tally_after(tally, tally.traded_notional, state.account.position != 0.0, value)
        is_paid = outcome.funding_paid != 0.0 or outcome.funding_inside != 0.0
        has_news = outcome.n_fills > 0 or is_paid or outcome.has_ended
        if has_news or i >= strip.end:
            return Played(outcome, i, tally)
