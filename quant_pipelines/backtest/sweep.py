"""Many parameter sets of one strategy over what is prepared once: a market, or an account of several."""

from collections.abc import Mapping, Sequence
from typing import Any

from quant_pipelines.backtest.market.market import NO_FEEDS, SymbolFeed
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.prepared import PreparedSweep, SweepResult
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.strategy import Strategy

__all__ = ["PreparedSweep", "SweepResult", "sweep"]


def sweep(
    strategy_class: type[Strategy],
    parameter_sets: Sequence[dict[str, Any]],
    bars: Bars | Sequence[Bars],
    settings: BacktestSettings,
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    threads: int = 1,
) -> SweepResult:
    """Backtest every parameter set; each row equals a backtest with that set alone, to the last bit.

    Indicators that several sets ask for are computed once, while 224 MB hold them. ``threads`` run at the
    same time: compiled code and numpy give the interpreter free.

    Parameters
    ----------
    strategy_class, parameter_sets
        What is tried.
    bars
        Of one symbol, or of several in one account; see ``run_symbols``.
    settings
        Capital, rules and window.
    feeds
        What else is known, by symbol.
    threads
        That work at the same time.

    Raises
    ------
    StrategyError
        If the target of an allowed set can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, sweep
    >>> from quant_pipelines.sdk import Bars, Float, Strategy
    >>> class Share(Strategy):
    ...     share = Float(1.0, low=-1.0, high=1.0)
    ...     def target(self, bars):
    ...         return np.full(len(bars), self.share)
    >>> bars = Bars.of_closes([100, 100, 110, 121])
    >>> found = sweep(Share, [{"share": 1.0}, {"share": -1.0}, {"share": 3.0}], bars, BacktestSettings())
    >>> found.final_equity > 10_000.0, np.isnan(found.final_equity)  # the strategy refuses the last one
    (array([ True, False, False]), array([False, False,  True]))
    """
    given = (bars,) if isinstance(bars, Bars) else tuple(bars)
    return PreparedSweep(strategy_class, given, settings, feeds).run(parameter_sets, threads=threads)
