"""The event backtest: a book driven bar by bar, the strategy sees nothing but the past."""

import time
from dataclasses import replace

from quant_pipelines.backtest.batch.result import BacktestResult, result_of
from quant_pipelines.backtest.book.driver import drive
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import anew
from quant_pipelines.backtest.market.settings import DEFAULTS, BacktestSettings
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
    market = prepare_market(bars, settings, SymbolFeed(execution_bars, funding, mark, depth))
    outcome, record, desk = drive(strategy, market, settings, anew(strategy, bars, settings.rules))
    result = result_of(outcome, market, settings, record, desk)
    return replace(result, seconds=time.perf_counter() - started)
