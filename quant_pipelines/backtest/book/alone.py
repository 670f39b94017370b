"""The account with one book and nothing else: lanes for a target, bar by bar where orders rest."""

import time
from collections.abc import Sequence
from dataclasses import replace

from quant_pipelines.backtest.batch.result import BacktestResult, result_of
from quant_pipelines.backtest.batch.run_pass import new_record, run_pass
from quant_pipelines.backtest.book.driver import drive
from quant_pipelines.backtest.book.handled_run import handled_by
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy


def is_alone(strategy_class: type[Strategy], bars: Sequence[Bars]) -> bool:
    """Whether a strategy trades one symbol by itself: then the account is its one book."""
    return len(bars) == 1 and not strategy_class.inputs.has_panel


def run_alone(strategy: Strategy, bars: Bars, settings: BacktestSettings, feed: SymbolFeed) -> BacktestResult:
    """Backtest a strategy of one symbol; see ``run_backtest``."""
    started = time.perf_counter()
    settings, desk = feed.applied(settings), None
    market = prepare_market(bars, settings, feed)
    tape = market.tape(strategy.stops)
    driven = handled_by(strategy, market, settings, tape)
    if driven is not None:
        outcome, record, desk = driven
    elif isinstance(strategy, EventStrategy):
        read = ahead(strategy, bars, settings.rules, scales=scales_of(strategy, bars))
        outcome, record, desk = drive(strategy, market, settings, read)
    else:
        kept = {"has_bar_equity": settings.has_bar_equity, "has_bar_position": settings.has_bar_position}
        record = new_record(market, **kept)
        (outcome,), record = run_pass([strategy], market, settings, record, tape)
    result = result_of(outcome, market, settings, record, desk)
    return replace(result, seconds=time.perf_counter() - started)
