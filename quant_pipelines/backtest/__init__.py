"""Batch backtest, event backtest and paper broker over one bar step.

Accounts of several books are in ``backtest.account``: a backtest of one symbol loads none of them.
"""

from quant_pipelines.backtest.bar.trades import Trade
from quant_pipelines.backtest.batch.result import BacktestResult
from quant_pipelines.backtest.book.book import Book
from quant_pipelines.backtest.book.values import (
    BookedFill,
    BookSettings,
    ExecutionBar,
    FundingPayment,
    MarkBar,
    OrderEnded,
)
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.run import run_backtest
from quant_pipelines.backtest.run_event import run_event_backtest
from quant_pipelines.backtest.sweep import PreparedSweep, SweepResult, sweep

__all__ = [
    "BacktestResult",
    "BacktestSettings",
    "Book",
    "BookSettings",
    "BookedFill",
    "ExecutionBar",
    "FundingPayment",
    "MarkBar",
    "OrderEnded",
    "PreparedSweep",
    "SweepResult",
    "SymbolFeed",
    "Trade",
    "run_backtest",
    "run_event_backtest",
    "sweep",
]
