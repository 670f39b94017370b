"""What the loop reads beside the bars, and the terms of one lane; it costs nothing where nothing is there.

Every function takes what lies beside as an argument: numba leaves out the branch that its type rules out.
"""

import numpy as np

from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.backtest.state import StepTerms
from quant_pipelines.backtest.stops import StopTerms
from quant_pipelines.backtest.tape import Beside, LoopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inlined, inner
from quant_pipelines.costs import CostTerms
from quant_pipelines.trading.rules import TradingTerms


@inner
def step_terms_of(terms: LoopTerms, lane: int) -> StepTerms:
    """Return the matching terms of one lane."""
    rows, step = terms.stops, terms.step
    stops = StopTerms(
        rows[lane, 0],
        rows[lane, 1],
        rows[lane, 2],
        rows[lane, 3],
        rows[lane, 4],
        rows[lane, 5],
        rows[lane, 6],
        rows[lane, 7],
        rows[lane, 8],
        rows[lane, 9],
        rows[lane, 10],
    )
    return StepTerms(step.costs, stops.hard, step.lot_size, step.step_ms, stops, step.fills, step.margin)


@inlined
def reach_at(beside: Beside | None, at: np.uint64, low: float, high: float) -> tuple[float, float]:
    """Extremes of all prices that a level may be tested on within a bar; its own are given."""
    if beside is None:
        return low, high
    return beside.reach_low[at], beside.reach_high[at]


@inner
def mark_at(beside: Beside | None, bar_index: int) -> tuple[float, float, float]:
    """Open, high and low of the mark; 0 is not known."""
    if beside is None:
        return 0.0, 0.0, 0.0
    if beside.mark_open.size == 0:
        return 0.0, 0.0, 0.0
    return beside.mark_open[bar_index], beside.mark_high[bar_index], beside.mark_low[bar_index]


@inner
def ladder_at(beside: Beside | None, bar_index: int) -> FloatArray | None:
    """Order book that is known at a bar's open; the empty one where none is."""
    if beside is None:
        return None
    return beside.ladders[beside.ladder[bar_index]]  # type: ignore[no-any-return]


@inner
def last_span(beside: Beside | None) -> int:
    """Return the span of the last bar."""
    if beside is None:
        return 0
    span = beside.span.size - 2
    while beside.span[span] == beside.span[span + 1]:
        span -= 1
    return span


@inner
def span_edge(beside: Beside | None, span: int, n_bars: int) -> int:
    """Return the bar at which a span begins; the end behind the last one."""
    if beside is None:
        return 0 if span == 0 else n_bars
    return int(beside.span[span])


@inner
def terms_in(terms: LoopTerms, beside: Beside | None, span: int) -> LoopTerms:
    """Return the terms of one span."""
    if beside is None:
        return terms
    values, first = beside.dated.values, beside.dated.first_bracket
    trading, step = terms.trading, terms.step
    costs = CostTerms(
        values[span, 0], trading.costs.slippage_rate, values[span, 1], trading.costs.impact_rate
    )
    lot_size, brackets = values[span, 2], beside.dated.brackets[first[span] : first[span + 1]]
    return LoopTerms(
        TradingTerms(
            costs,
            trading.sizing,
            trading.limits,
            trading.lowest_target,
            trading.highest_target,
            lot_size,
            values[span, 3],
            trading.rebalance_band,
        ),
        StepTerms(
            costs,
            step.hard_stop,
            lot_size,
            step.step_ms,
            step.stops,
            step.fills,
            MarginTerms(brackets, step.margin.leverage, step.margin.fee_rate, step.margin.support),
        ),
        terms.stops,
        terms.close_at_end,
    )
