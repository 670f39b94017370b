"""Batch backtest, event backtest and paper broker over one bar step."""

from quant_pipelines.backtest.account import run_account, run_symbols
from quant_pipelines.backtest.account_plan import Allocation
from quant_pipelines.backtest.account_result import AccountResult, BookResult, BookTrade
from quant_pipelines.backtest.batch import run_backtest
from quant_pipelines.backtest.book import (
    Book,
    BookedFill,
    BookSettings,
    ExecutionBar,
    FundingPayment,
    MarkBar,
    OrderEnded,
)
from quant_pipelines.backtest.event import run_event_backtest
from quant_pipelines.backtest.market import SymbolFeed
from quant_pipelines.backtest.result import BacktestResult
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.sweep import SweepResult, sweep
from quant_pipelines.backtest.trades import Trade

__all__ = [
    "AccountResult",
    "Allocation",
    "BacktestResult",
    "BacktestSettings",
    "Book",
    "BookResult",
    "BookSettings",
    "BookTrade",
    "BookedFill",
    "ExecutionBar",
    "FundingPayment",
    "MarkBar",
    "OrderEnded",
    "SweepResult",
    "SymbolFeed",
    "Trade",
    "run_account",
    "run_backtest",
    "run_event_backtest",
    "run_symbols",
    "sweep",
]
