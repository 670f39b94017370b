"""The driver of a book bar by bar: its strategy is called where bars closed or something happened."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.book.book import Book, BookEvent, BookSettings
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.backtest.book.recorder import Recorder
from quant_pipelines.backtest.book.resting_play import Strip
from quant_pipelines.backtest.book.target_run import Aim, TargetRun, anew_aim
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.readings import NOTHING_YET, Reading
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.rules import TradingTerms


class Run(Protocol):
    """A strategy at its book."""

    @property
    def has_news(self) -> bool:
        """Whether it must be called where none of its bars closed."""

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep what a bar did for the next call."""

    def act(self, terms: TradingTerms, close: Close, bars: Bars | None) -> object:
        """Call it; ``bars`` are its own up to the close, None where none of them closed."""


def drive(
    strategy: Strategy, market: Market, settings: BacktestSettings, read: Reading
) -> tuple[LoopResult, Record]:
    """Run one strategy over a market.

    Raises
    ------
    StrategyError
        If the strategy raises or its target can't be used; the sentence names it.
    """
    recorder, specifications = Recorder(market, settings), settings.specifications
    book = Book(book_settings(strategy, market, settings))
    run = run_of(strategy, book, market.bars.step_ms, anew_aim(strategy))
    trading = [dated.terms for dated in specifications.all_rules(settings.rules)]
    strip, latest, at = strip_of(market), NOTHING_YET, 0
    for end in _ends(market):
        while at < end:
            strip = strip._replace(first=at, end=end)
            stretch = book.play(strip, recorder.tally)
            recorder.add_stretch(strip, stretch)
            run.note(stretch.events)
            at = stretch.until
            row, known = int(market.decision_row[at - 1]), None
            if row < 0 and not run.has_news:
                continue
            if row >= 0:
                known, latest = market.bars.rows(0, row + 1), read(row)
                book.submit(0.0, inputs=latest.inputs)
            close = Close(book.last_ts + market.execution.step_ms, latest.features, latest.volatility)
            run.act(trading[specifications.span_at(book.last_ts)], close, known)
    return recorder.finish(book)


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


def run_of(strategy: Strategy, book: Book, step_ms: int, aim: Aim) -> Run:
    """Put a strategy at its book; one that places no orders aims at a target."""
    if isinstance(strategy, EventStrategy):
        return EventRun(strategy, book, step_ms)
    return TargetRun(aim, book)


def _ends(market: Market) -> list[int]:
    """Positions after which the strategy is called, or another specification begins."""
    decided = np.flatnonzero(market.decision_row >= 0) + 1
    return [int(end) for end in np.union1d(decided, market.span[1:])]


def strip_of(market: Market) -> Strip:
    """Return the execution bars of a market as a book plays them."""
    bars = market.execution
    prices = (bars.ts, bars.open, bars.high, bars.low, bars.close)
    paid = market.payments.on_bars(len(bars))
    return Strip(0, len(bars), *prices, paid, bars.volume, np.empty(len(bars)), market.beside)
