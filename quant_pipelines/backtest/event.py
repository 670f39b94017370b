"""The event backtest: a book driven bar by bar, the strategy sees nothing but the past."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from quant_pipelines.backtest.batch import DEFAULTS
from quant_pipelines.backtest.book import Book, BookSettings, ExecutionBar, FundingSlot, MarkBar
from quant_pipelines.backtest.event_driver import anew, drive
from quant_pipelines.backtest.loop import LoopResult
from quant_pipelines.backtest.market import Market, SymbolFeed, prepare_market
from quant_pipelines.backtest.marks import Marks, paid_on_marks
from quant_pipelines.backtest.recorder import Recorder
from quant_pipelines.backtest.result import BacktestResult, result_of
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.stop_rules import latest_inputs
from quant_pipelines.backtest.tape import Record
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.portfolio.sizing import VolatilityTarget
from quant_pipelines.portfolio.volatility import realized_volatility
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.trading.cycle import decide


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
    """
    started = time.perf_counter()
    market = prepare_market(bars, settings, SymbolFeed(execution_bars, funding, mark, depth))
    if isinstance(strategy, EventStrategy):
        outcome, record = drive(strategy, market, settings, anew(strategy, bars, settings.rules))
    else:
        outcome, record = _drive_target(strategy, market, settings, funding)
    result = result_of(outcome, market, settings, record)
    return replace(result, seconds=time.perf_counter() - started)


def _drive_target(
    strategy: Strategy, market: Market, settings: BacktestSettings, funding: FundingSeries | None
) -> tuple[LoopResult, Record]:
    recorder, bars = Recorder(market, settings), market.bars
    book = Book(book_settings(strategy, market, settings))
    bars_in = execution_stream(market, funding if funding is not None else no_funding())
    for bar, row in zip(bars_in, market.decision_row, strict=True):
        events = book.step(bar)
        recorder.add(book, events)
        if row >= 0:
            known = bars.rows(0, int(row) + 1)
            view = book.view(volatility=latest_volatility(known, settings))
            decision = decide(view, float(target_of(strategy, known)[-1]), settings.rules_at(bar.ts))
            book.apply(decision, inputs=latest_inputs(strategy, known))
    return recorder.finish(book, book.terms)


def book_settings(strategy: Strategy, market: Market, settings: BacktestSettings) -> BookSettings:
    """Return what a book must know to trade a strategy on a market as the batch backtest does."""
    terms = settings.step_terms(strategy, market.execution.step_ms, market.bars.step_ms)
    return BookSettings(
        settings.capital,
        settings.rules,
        terms.hard_stop,
        market.execution.timeframe,
        terms.stops,
        settings.specifications,
    )


def latest_volatility(bars: Bars, settings: BacktestSettings) -> float:
    """Volatility that the sizer asks for at the last bar; 0 where it doesn't ask."""
    sizing = settings.rules.sizing
    if not isinstance(sizing, VolatilityTarget):
        return 0.0
    return float(realized_volatility(bars, sizing.window)[-1])


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
