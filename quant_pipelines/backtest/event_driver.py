"""The driver of event strategies: bar by bar over a book, the strategy is called where something happened."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.book import Book, BookSettings
from quant_pipelines.backtest.desk import Close
from quant_pipelines.backtest.event_run import EventRun
from quant_pipelines.backtest.loop import LoopResult
from quant_pipelines.backtest.market import Market
from quant_pipelines.backtest.recorder import Recorder
from quant_pipelines.backtest.resting_play import Reel
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.stop_rules import atr_of, deviation_of, latest_inputs
from quant_pipelines.backtest.stops import NO_SCALES, StopInputs, StopScales
from quant_pipelines.backtest.tape import Record
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.portfolio.sizing import VolatilityTarget
from quant_pipelines.portfolio.volatility import realized_volatility
from quant_pipelines.sdk.event import EventStrategy, features_of
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.stops import SCALABLE
from quant_pipelines.trading.rules import TradingRules


class Latest(NamedTuple):
    """What strategy, sizer and stops read at a strategy bar's close."""

    features: dict[str, float]
    volatility: float
    inputs: StopInputs


Reading = Callable[[int], Latest]
"""What is known at a strategy bar, by its position."""


def ahead(strategy: EventStrategy, bars: Bars, rules: TradingRules) -> Reading:
    """Everything computed once, for all bars; each value uses bars up to its own."""
    features = {name: values.tolist() for name, values in features_of(strategy, bars).items()}
    volatility = _volatility(bars, rules)
    ranges, deviations = atr_of(strategy.stops, bars), deviation_of(strategy.stops, bars)
    factors = scales_of(strategy, bars)

    def read(row: int) -> Latest:
        latest = {name: float(values[row]) for name, values in factors.items()}
        scales = StopScales(*(latest.get(name, 1.0) for name in SCALABLE)) if latest else NO_SCALES
        inputs = StopInputs(_known(ranges, row), _known(deviations, row), scales)
        newest = {name: values[row] for name, values in features.items()}
        return Latest(newest, float(volatility[row]) if volatility.size else 0.0, inputs)

    return read


def latest_of(strategy: EventStrategy, bars: Bars, rules: TradingRules) -> Latest:
    """Compute what is known at the last of these bars, from them alone."""
    features = {name: float(values[-1]) for name, values in features_of(strategy, bars).items()}
    volatility = _volatility(bars, rules)
    inputs = latest_inputs(strategy, bars)
    return Latest(features, float(volatility[-1]) if volatility.size else 0.0, inputs)


def anew(strategy: EventStrategy, bars: Bars, rules: TradingRules) -> Reading:
    """Everything computed again at every bar, from the bars up to it: slow, and nothing can look ahead."""
    return lambda row: latest_of(strategy, bars.rows(0, row + 1), rules)


def drive(
    strategy: EventStrategy, market: Market, settings: BacktestSettings, read: Reading
) -> tuple[LoopResult, Record]:
    """Run one event strategy over a market.

    Raises
    ------
    StrategyError
        If the strategy raises; the sentence names it and the bar.
    """
    recorder, rules = Recorder(market, settings), settings.rules
    specifications = settings.specifications
    terms = settings.step_terms(strategy, market.execution.step_ms, market.bars.step_ms)
    timeframe = market.execution.timeframe
    book = Book(
        BookSettings(settings.capital, rules, terms.hard_stop, timeframe, terms.stops, specifications)
    )
    trading = [dated.terms for dated in specifications.all_rules(rules)]
    run, latest = EventRun(strategy, book, market.bars.step_ms), Latest({}, 0.0, StopInputs(0.0, 0.0))
    reel, at = _reel_of(market), 0
    for end in _ends(market):
        while at < end:
            events, until, tally = book.play(reel, (at, end), recorder.tally)
            recorder.add_span(reel, (at, until), tally, events)
            run.note(events)
            at = until
            row = int(market.decision_row[at - 1])
            if row < 0 and not run.has_news:
                continue
            known = None
            if row >= 0:
                known, latest = market.bars.rows(0, row + 1), read(row)
                book.submit(0.0, inputs=latest.inputs)
            close = Close(book.last_ts + terms.step_ms, latest.features, latest.volatility)
            run.act(trading[specifications.span_at(book.last_ts)], close, known)
    return recorder.finish(book, book.terms)


def _ends(market: Market) -> list[int]:
    """Positions behind which the strategy is called, or another specification begins."""
    decided = np.flatnonzero(market.decision_row >= 0) + 1
    begins = market.beside.span[1:] if market.beside is not None else [len(market.execution)]
    return [int(end) for end in np.union1d(decided, begins)]


def _reel_of(market: Market) -> Reel:
    bars, funding = market.execution, np.zeros(len(market.execution))
    is_played = market.funding_bar < funding.size
    funding[market.funding_bar[is_played]] = market.funding_per_unit[is_played]
    prices = (bars.open, bars.high, bars.low, bars.close)
    return Reel(bars.ts, *prices, funding, bars.volume, np.empty(len(bars)), market.beside)


def _volatility(bars: Bars, rules: TradingRules) -> FloatArray:
    sizing = rules.sizing
    return realized_volatility(bars, sizing.window) if isinstance(sizing, VolatilityTarget) else np.empty(0)


def _known(values: FloatArray, row: int) -> float:
    return float(np.nan_to_num(values[row])) if values.size else 0.0
