"""The backtest of one symbol: the face of an account with one book."""

from quant_pipelines.backtest.batch.result import BacktestResult
from quant_pipelines.backtest.book.alone import run_alone
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.backtest.market.settings import DEFAULTS, BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.sdk.strategy import Strategy


def run_backtest(  # noqa: PLR0913 - all but two have a default
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings = DEFAULTS,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
    mark: MarkSeries | None = None,
    depth: DepthSeries | None = None,
) -> BacktestResult:
    """Backtest a strategy on closed bars of one symbol.

    Parameters
    ----------
    strategy
        Instance with its parameters; an event strategy is driven bar by bar.
    bars
        The strategy's bars, with history before ``settings.trade_from_ms`` where that is set.
    settings
        Capital, rules and window.
    execution_bars
        Finer bars for fills and stops, such as 1m; the strategy's own where none are given.
    funding
        Slots of the same symbol; none is listed as not modelled.
    mark
        Mark prices: liquidation is tested on them, and funding paid on them where a slot has none of its own.
        The last price stands in where they are unknown; the result says how often.
    depth
        Sampled order books, which market orders walk; where none is known, the declared costs.

    Raises
    ------
    StrategyError
        If the strategy's target can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, run_backtest
    >>> from quant_pipelines.core.settings import CostSettings
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> class Hold(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> bars = Bars.of_closes([100, 100, 110, 121], timeframe="1d")
    >>> free = TradingRules(costs=CostSettings(fee_bps=0.0, slippage_bps=0.0))
    >>> result = run_backtest(Hold(), bars, settings=BacktestSettings(rules=free))
    >>> result.final_equity, result.daily_returns.round(6)  # filled at the open after the first close
    (12100.0, array([0. , 0. , 0.1, 0.1]))
    """
    return run_alone(strategy, bars, settings, SymbolFeed(execution_bars, funding, mark, depth))
