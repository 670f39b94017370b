"""The event backtest: a book driven bar by bar, the strategy sees nothing but the past."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from quant_pipelines.backtest.batch import DEFAULTS
from quant_pipelines.backtest.book import ExecutionBar, FundingSlot, MarkBar
from quant_pipelines.backtest.event_driver import drive
from quant_pipelines.backtest.market import Market, prepare_market
from quant_pipelines.backtest.marks import Marks, paid_on_marks
from quant_pipelines.backtest.readings import anew
from quant_pipelines.backtest.result import BacktestResult, result_of
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.sdk.strategy import Strategy


def run_event_backtest(  # noqa: PLR0913 - all but two have a default
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings = DEFAULTS,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
    mark: MarkSeries | None = None,
    depth: DepthSeries | None = None,
) -> BacktestResult:
    """Backtest as the live runner works: one closed bar after the other; equal to ``run_backtest``.

    The target is computed anew at every decision from the bars up to it, so a strategy that looks ahead
    shows. It is slow: the time grows with the square of the number of bars.

    Parameters
    ----------
    strategy, bars, settings, execution_bars, funding, mark, depth
        As in ``run_backtest``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import run_backtest, run_event_backtest
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> class Rise(Strategy):
    ...     def target(self, bars):
    ...         return np.sign(bars.close - bars.open)
    >>> class Centered(Strategy):  # looks ahead: its mean is of all bars that it is given
    ...     def target(self, bars):
    ...         return np.sign(bars.close - bars.close.mean())
    >>> bars = Bars.of_closes([100, 103, 101, 104, 99, 102])
    >>> for strategy in (Rise(), Centered()):
    ...     batch, event = run_backtest(strategy, bars), run_event_backtest(strategy, bars)
    ...     print(strategy, batch.final_equity == event.final_equity)
    Rise() True
    Centered() False
    """
    started = time.perf_counter()
    market = prepare_market(
        bars, settings, execution_bars=execution_bars, funding=funding, mark=mark, depth=depth
    )
    outcome, record = drive(strategy, market, settings, anew(strategy, bars, settings.rules))
    result = result_of(outcome, market, settings, record)
    return replace(result, seconds=time.perf_counter() - started)


def execution_stream(market: Market, funding: FundingSeries) -> Iterator[ExecutionBar]:
    """Yield execution bars one by one, each with the funding slots since the bar before, mark and depth."""
    bars, marks, funding = market.execution, market.marks, paid_on_marks(funding, market.mark)
    done = int(np.searchsorted(funding.ts, bars.ts[0]))
    for i in range(len(bars)):
        due = int(np.searchsorted(funding.ts, bars.ts[i], side="right"))
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
    return FundingSlot(int(funding.ts[index]), rate, None if math.isnan(mark) else mark)
