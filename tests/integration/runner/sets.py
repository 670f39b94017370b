"""A set in a replayed market: its strategy, its rows, and the backtest of the same bars."""

from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.instrument_sets import set_name
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.legs import add_legs
from quant_pipelines.trading import Specification, TradingRules
from tests.integration.runner.conftest import ensure_instrument, insert_deployment_at
from tests.integration.runner.replay import Recording, hourly_funding, random_bars, roll_up
from tests.integration.runner.world import HISTORY_START, OTHER_SYMBOL, SYMBOL

THIRD_SYMBOL = "SOL/USDT:USDT"
PAIR, TRIPLE = (SYMBOL, OTHER_SYMBOL), (SYMBOL, OTHER_SYMBOL, THIRD_SYMBOL)
LOTS = Specification(0.001, 5.0)

SPREAD = '''
import numpy as np
from quant_pipelines.indicators import rolling_z
from quant_pipelines.sdk import Array, Float, Inputs, Int, Panel, Stops, Strategy


class Spread(Strategy):
    """Against each symbol's distance from the first one, where every symbol has a bar."""

    inputs = Inputs(symbols=0)
    window = Int(8, low=2, high=100)
    stops = Stops(hard_stop=Float(0.02, low=0.001, high=0.5))

    def target(self, bars: Panel) -> Array:
        both = bars.is_complete
        target = np.full(bars.close.shape, np.nan)
        closes = np.log(bars.close[both])
        for k in range(1, closes.shape[1]):
            z = rolling_z(closes[:, 0] - closes[:, k], self.window)
            target[both, k] = np.where(np.abs(z) < 0.7, 0.0, np.sign(z))
        target[both, 0] = -target[both, 1]
        target[both & (np.cumsum(both) <= self.window)] = np.nan
        return target
'''


def holed(bars: Bars, missing: tuple[int, ...]) -> Bars:
    """Bars without those at these positions."""
    keep = np.setdiff1d(np.arange(len(bars)), missing)
    columns = ("ts", "open", "high", "low", "close", "volume")
    return bars_from_columns(
        bars.symbol, bars.timeframe, {name: getattr(bars, name)[keep] for name in columns}
    )


def recorded(symbols: tuple[str, ...], n_bars: int, holes: dict[str, tuple[int, ...]]) -> Recording:
    """Seeded walks of each symbol, with holes."""
    walks = {
        symbol: random_bars(symbol, to_ms(HISTORY_START), n_bars, seed=seed)
        for seed, symbol in enumerate(symbols)
    }
    funding = {symbol: hourly_funding(bars) for symbol, bars in walks.items()}
    return Recording({s: holed(bars, holes.get(s, ())) for s, bars in walks.items()}, funding)


def deploy_set(engine: Engine, symbols: tuple[str, ...], rules: TradingRules, **row: Any) -> list[int]:
    """Insert a set and its legs; returns the ids of the legs."""
    values = {"symbol": set_name(symbols), "settings": rules.to_document(), **row}
    whole = insert_deployment_at(engine, SPREAD, values)
    with engine.begin() as connection:
        for symbol in symbols:
            ensure_instrument(connection, "binanceusdm", symbol, "0.01")
        return add_legs(connection, whole)


def backtest(market: Recording, rules: TradingRules, since: datetime, timeframe: str = "1m") -> AccountResult:
    """Backtest of the set on the recorded bars, row by row."""
    strategy = compile_strategy("spread", SPREAD).strategy_class()
    feeds = {
        symbol: SymbolFeed(None if timeframe == "1m" else bars, market.funding[symbol], None, None, LOTS)
        for symbol, bars in market.bars.items()
    }
    panel = panel_of([roll_up(bars, timeframe) for bars in market.bars.values()])
    settings = BacktestSettings(rules=rules, trade_from_ms=to_ms(since), has_bar_equity=True)
    return run_event_account([Allocation(strategy, panel)], feeds=feeds, settings=settings)
