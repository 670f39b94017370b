"""Many parameter sets of one strategy on several symbols in one account; see ``sweep``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from quant_pipelines.backtest.account import run_account
from quant_pipelines.backtest.account_plan import allocations_of, days_of
from quant_pipelines.backtest.market import NO_FEED, SymbolFeed, prepare_market
from quant_pipelines.backtest.result import Outcome, day_keys
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.trades import PNL
from quant_pipelines.core.bars import Bars
from quant_pipelines.metrics import Activity
from quant_pipelines.sdk.strategy import Strategy


class AccountField:
    """An account of several symbols, one set after the other; see ``sweep.Field``."""

    width = 1

    def __init__(
        self, bars: Sequence[Bars], settings: BacktestSettings, feeds: Mapping[str, SymbolFeed]
    ) -> None:
        self._bars, self._feeds = bars, feeds
        self._settings = replace(settings, has_bar_equity=False)
        markets = [prepare_market(one, settings, feeds.get(one.symbol, NO_FEED)) for one in bars]
        grid = np.unique(np.concatenate([market.execution.ts for market in markets]))
        self.days = day_keys(*days_of(grid))

    def run(self, strategies: Sequence[Strategy]) -> list[Outcome]:
        """See ``Field``."""
        return [self._outcome(strategy) for strategy in strategies]

    def _outcome(self, strategy: Strategy) -> Outcome:
        allocations = allocations_of(strategy, self._bars)
        result = run_account(allocations, feeds=self._feeds, settings=self._settings)
        named = (result.metrics[name] for name in ("exposure", "turnover", "max_drawdown"))
        activity = Activity(*(np.nan if value is None else value for value in named))
        return Outcome(result.daily_returns, result.final_equity, result.trade_rows[:, PNL], activity)
