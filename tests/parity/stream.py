"""Execution bars as a book gets them from a feed: one by one, each with its own funding, mark and depth."""

import math
from collections.abc import Iterator

import numpy as np

from quant_pipelines.backtest.book.values import ExecutionBar, FundingSlot, MarkBar
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.marks import Marks, paid_on_marks
from quant_pipelines.core.funding import FundingSeries


def execution_stream(market: Market, funding: FundingSeries) -> Iterator[ExecutionBar]:
    """Yield execution bars one by one, each with the funding slots up to its close, mark and depth."""
    bars, marks, funding = market.execution, market.marks, paid_on_marks(funding, market.mark)
    done = int(np.searchsorted(funding.ts, bars.ts[0]))
    for i in range(len(bars)):
        due = int(np.searchsorted(funding.ts, bars.close_ts[i]))
        slots = tuple(_slot(funding, k) for k in range(done, due))
        done = due
        yield ExecutionBar(
            int(bars.ts[i]),
            float(bars.open[i]),
            float(bars.high[i]),
            float(bars.low[i]),
            float(bars.close[i]),
            float(bars.volume[i]),
            slots,
            _mark_bar(marks, i) if marks.open.size else None,
            market.depth.ladders[market.ladder[i]] if market.ladder.size and market.ladder[i] >= 0 else None,
        )


def _mark_bar(marks: Marks, index: int) -> MarkBar:
    return MarkBar(float(marks.open[index]), float(marks.high[index]), float(marks.low[index]))


def _slot(funding: FundingSeries, index: int) -> FundingSlot:
    mark = float(funding.mark_price[index])
    rate = float(funding.rate[index])
    last = float(funding.last_price[index]) if funding.last_price.size else math.nan
    prices = (None if math.isnan(one) else one for one in (mark, last))
    return FundingSlot(int(funding.ts[index]), rate, *prices)
