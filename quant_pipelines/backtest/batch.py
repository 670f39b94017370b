"""The batch backtest: a vectorized target, one compiled pass."""

import time
from dataclasses import replace

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest.loop import LoopResult, Record, run_tape
from quant_pipelines.backtest.market import Market, prepare_market
from quant_pipelines.backtest.result import BacktestResult, result_of
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.step import opening_state
from quant_pipelines.backtest.trades import COLUMNS
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.sdk.strategy import Strategy, target_of

DEFAULTS = BacktestSettings()
FIRST_CAPACITY = 4096


def run_backtest(
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings = DEFAULTS,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
) -> BacktestResult:
    """Backtest a strategy on closed bars of one symbol.

    Parameters
    ----------
    strategy
        Instance with its parameters.
    bars
        The strategy's bars, with history before ``settings.trade_from_ms`` where that is set.
    settings
        Capital, rules and window.
    execution_bars
        Finer bars for fills and stops, such as 1m; the strategy's own where none are given.
    funding
        Slots of the same symbol; none is listed as not modelled.

    Raises
    ------
    StrategyError
        If the strategy's target can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.
    """
    started = time.perf_counter()
    market = prepare_market(bars, settings, execution_bars=execution_bars, funding=funding)
    record = new_record(market, has_bar_equity=settings.has_bar_equity)
    outcome, record = run_pass(strategy, market, settings, record)
    result = result_of(outcome, market, settings, record)
    return replace(result, seconds=time.perf_counter() - started)


def new_record(market: Market, *, has_bar_equity: bool, capacity: int = FIRST_CAPACITY) -> Record:
    """Arrays for a pass over a market, with room for that many round trips."""
    n_bars = len(market.execution) if has_bar_equity else 0
    return Record(np.empty(market.n_days), np.empty(n_bars), np.empty((capacity, len(COLUMNS))))


def run_pass(
    strategy: Strategy, market: Market, settings: BacktestSettings, record: Record
) -> tuple[LoopResult, Record]:
    """One compiled pass of a strategy; returns the record it wrote, larger if the trades didn't fit."""
    tape = market.tape(target_of(strategy, market.bars))
    state = opening_state(open_account(settings.capital), int(market.execution.ts[0]))
    terms = settings.loop_terms(strategy, market.execution.step_ms)
    outcome: LoopResult = run_tape(tape, state, terms, record)
    if outcome.log.finished > record.trades.shape[0]:
        record = record._replace(trades=np.empty((outcome.log.finished, len(COLUMNS))))
        outcome = run_tape(tape, state, terms, record)
    return outcome, record
