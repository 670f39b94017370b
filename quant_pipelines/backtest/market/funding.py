"""Funding laid on execution bars, before any position is known: what a unit pays, when, and on which price.

Within a bar there are three moments. A slot since the close of the bar before, up to the open, is paid at the
open, before any fill: by what was held until then. A slot inside the bar is paid after the fills of the open
and before any stop, whose time within the bar nobody knows: by what the open leaves, at its full size. A slot
at the very close belongs to the open of the next bar; behind the last one it is paid by what is closed there.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.market.marks import paid_on_marks
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries


class FundingUse(NamedTuple):
    """Number of funding slots in a run by the price that they are paid on; they add up to all slots.

    Parameters
    ----------
    mark
        Mark price of the slot itself.
    mark_series
        Price of the mark series at that moment; an index price where only that is known.
    close
        Close of the finest stored bar that ends at the slot.
    open
        Open of the execution bar in which it is paid.
    """

    mark: int
    mark_series: int
    close: int
    open: int

    @property
    def slots(self) -> int:
        """All of them."""
        return sum(self)

    @property
    def fallbacks(self) -> int:
        """Slots without a mark price."""
        return self.close + self.open


class Payments(NamedTuple):
    """Funding by execution bar, as the sum of rate x price of its slots, quote per unit held.

    Parameters
    ----------
    bar
        Bars (by position) with a payment, shape (n_payments,).
    at_open, inside
        Paid at their opens, and inside them; shape (n_payments,).
    at_end
        Paid at the last close by what is closed there.
    use
        Prices of the slots.
    """

    bar: IntArray
    at_open: FloatArray
    inside: FloatArray
    at_end: float
    use: FundingUse

    def on_bars(self, n_bars: int) -> FloatArray:
        """Payments at the open and inside of every bar, 0 where there are none; shape (n_bars, 2)."""
        rows = np.zeros((n_bars, 2))
        rows[self.bar, 0], rows[self.bar, 1] = self.at_open, self.inside
        return rows


class Edge(NamedTuple):
    """Time of a last close, milliseconds UTC, and its price."""

    ts: int
    close: float


def payments_of(
    execution: Bars, funding: FundingSeries, mark: MarkSeries | None, before: Edge | None = None
) -> Payments:
    """Lay funding on execution bars, from the open of the first one to the close of the last.

    Where a run goes on from another one, from that one's last close on: the slot at it is paid here.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest.market.funding import payments_of
    >>> from quant_pipelines.core.bars import Bars
    >>> from quant_pipelines.core.funding import FundingSeries
    >>> from quant_pipelines.core.timeframes import HOUR_MS
    >>> bars = Bars.of_closes([100, 110], timeframe="4h")
    >>> hours = np.array([1, 4, 5, 8])
    >>> slots = FundingSeries(HOUR_MS * hours, np.full(4, 0.01), np.array([120.0, np.nan, np.nan, np.nan]))
    >>> paid = payments_of(bars, slots, None)
    >>> paid.at_open.tolist(), paid.inside.round(3).tolist()  # hour 4 on the close, 5 on the bar's open
    ([0.0, 1.0], [1.2, 1.0])
    >>> paid.at_end, paid.use
    (1.1, FundingUse(mark=1, mark_series=0, close=2, open=1))
    """
    first_ms = before.ts if before else int(execution.ts[0])
    funding = funding.between(first_ms, int(execution.close_ts[-1]) + 1)
    if before:
        funding = _with_last_price(funding, before)
    bar, is_inside = _places(execution, funding.ts)
    price, use = _prices(execution, funding, mark, bar)
    amount, is_end = funding.rate * price, bar == len(execution)
    paid_at, slot = np.unique(bar[~is_end], return_inverse=True)
    at_open, inside = np.zeros((2, paid_at.size))
    for rows, here in ((at_open, ~is_inside), (inside, is_inside)):
        chosen = here[~is_end]
        np.add.at(rows, slot[chosen], amount[~is_end][chosen])
    return Payments(paid_at.astype(np.int64), at_open, inside, float(amount[is_end].sum()), use)


def _places(execution: Bars, ts: IntArray) -> tuple[IntArray, np.ndarray]:
    """Bar in which each slot is paid, their number for the last close; and whether that is inside of it."""
    began = np.maximum(np.searchsorted(execution.ts, ts, side="right") - 1, 0)
    is_inside = (execution.ts[began] < ts) & (ts < execution.close_ts[began])
    return np.where(is_inside, began, np.searchsorted(execution.ts, ts)), is_inside


def _with_last_price(funding: FundingSeries, before: Edge) -> FundingSeries:
    """Let the close at which a run before ended stand in for the price of the slot there."""
    last = funding.last_price if funding.last_price.size else np.full(len(funding), np.nan)
    return replace(
        funding, last_price=np.where(np.isnan(last) & (funding.ts == before.ts), before.close, last)
    )


def _prices(
    execution: Bars, funding: FundingSeries, mark: MarkSeries | None, bar: IntArray
) -> tuple[FloatArray, FundingUse]:
    """Price of each slot, and how many have which."""
    known = paid_on_marks(funding, mark).mark_price
    closes = funding.last_price if funding.last_price.size else np.full(len(funding), np.nan)
    ended = np.minimum(np.searchsorted(execution.close_ts, funding.ts), len(execution) - 1)
    is_close = execution.close_ts[ended] == funding.ts
    closes = np.where(np.isnan(closes) & is_close, execution.close[ended], closes)
    opens = execution.open[np.minimum(bar, len(execution) - 1)]
    is_own, is_mark = ~np.isnan(funding.mark_price), ~np.isnan(known)
    is_close = ~is_mark & ~np.isnan(closes)
    n_own, n_mark, n_close = int(is_own.sum()), int(is_mark.sum()), int(is_close.sum())
    use = FundingUse(n_own, n_mark - n_own, n_close, len(funding) - n_mark - n_close)
    return np.where(is_mark, known, np.where(is_close, closes, opens)), use
