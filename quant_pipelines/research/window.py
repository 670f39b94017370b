"""Decides where a job's window ends, and how many of the wanted folds the history allows."""

from dataclasses import replace

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.series import Window
from quant_pipelines.optimize.folds import first_bar_ms
from quant_pipelines.research.history import (
    HistorySource,
    covers,
    describe,
    describe_window,
    has_inputs,
    require_inputs,
)
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.sdk import Strategy, attach_inputs


def settle_window(
    job: OptimizationJob, source: HistorySource, strategy_class: type[Strategy] = Strategy
) -> OptimizationJob:
    """Job with its window's end and its number of folds; what is given in the job stays.

    The newest folds are taken: as many of the wanted ones as the bars from ``window_start_ms`` on, and the
    inputs that the strategy declares, cover without a larger hole, so that the same history always gives the
    same job.

    Raises
    ------
    DataError
        If they cover fewer folds than ``windows.min_folds``, or than are wanted where that is less.
    StrategyError
        If the strategy declares a timeframe that is finer than the bars.
    OptimizationError
        If the windows can't be used.
    """
    end_ms = job.window_end_ms
    symbols = symbols_of(job.symbol)
    if end_ms is None:
        end_ms = min(source.last_midnight(symbol, job.timeframe) for symbol in symbols)
    folds = job.folds
    if folds is None:
        folds = min(_possible_folds(job, symbol, source, end_ms, strategy_class) for symbol in symbols)
    return replace(job, window_end_ms=end_ms, folds=folds)


def _possible_folds(
    job: OptimizationJob, symbol: str, source: HistorySource, end_ms: int, strategy_class: type[Strategy]
) -> int:
    wanted, least = job.windows.folds, min(job.windows.min_folds, job.windows.folds)
    first_ms = max(first_bar_ms(end_ms, job.windows), job.window_start_ms or 0)
    bars = source.bars(symbol, job.timeframe, Window(first_ms, end_ms))
    bars = attach_inputs(strategy_class, bars, source)
    possible = 0
    for folds in range(wanted, 0, -1):
        start_ms = first_bar_ms(end_ms, replace(job.windows, folds=folds))
        part = bars.between(start_ms, end_ms)
        if covers(part, Window(start_ms, end_ms)) and has_inputs(part):
            possible = folds
            break
    if possible >= least:
        return possible
    needed_ms = first_bar_ms(end_ms, replace(job.windows, folds=least))
    needed = bars.between(needed_ms, end_ms)
    if covers(needed, Window(needed_ms, end_ms)):
        require_inputs(needed)
    raise DataError(
        f"{symbol} {job.timeframe}: folds is {possible} of {wanted}, because bars are {describe(bars)}; "
        f"expected {least} or more, which need {describe_window(bars, Window(needed_ms, end_ms))}"
    )
