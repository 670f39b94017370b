"""What the loop reads beside the bars, and the terms of one lane; it costs nothing where nothing is there.

Every function takes what lies beside as an argument: numba leaves out the branch that its type rules out.
"""

import numpy as np

from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.backtest.bar.state import StepTerms, with_stops
from quant_pipelines.backtest.bar.stops import StopScales, StopTerms, scaled
from quant_pipelines.backtest.market.tape import N_RULES, Beside, Dated, LoopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner
from quant_pipelines.costs import CostTerms
from quant_pipelines.trading.rules import TradingTerms

_with_costs = change_of(CostTerms, "fee_rate", "maker_rate")
_with_brackets = change_of(MarginTerms, "brackets")
_dated_trading = change_of(TradingTerms, "costs", "lot_size", "min_notional")
_dated_step = change_of(StepTerms, "costs", "lot_size", "margin")
_dated = change_of(LoopTerms, "trading", "step")


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
    return with_stops(step, hard_stop=stops.hard, stops=stops)


@inlined
def factor_at(rows: FloatArray, lane: int, rule: int, bar_index: int) -> float:
    """Factor of a rule as of the close of a bar; see ``LoopTerms``."""
    first = int(rows[lane, N_RULES + rule])
    return rows[lane, first + bar_index] if first > 0 else 1.0


@inner
def scaled_at(step: StepTerms, rows: FloatArray, lane: int, bar_index: int) -> StepTerms:
    """Terms of one lane with its stops scaled as of the close of a bar."""
    scales = StopScales(
        factor_at(rows, lane, 0, bar_index),
        factor_at(rows, lane, 1, bar_index),
        factor_at(rows, lane, 2, bar_index),
        factor_at(rows, lane, 3, bar_index),
        factor_at(rows, lane, 4, bar_index),
        factor_at(rows, lane, 5, bar_index),
        factor_at(rows, lane, 6, bar_index),
        factor_at(rows, lane, 7, bar_index),
    )
    stops = scaled(step.stops, scales)
    return with_stops(step, hard_stop=stops.hard, stops=stops)


@inner
def step_terms_at(terms: LoopTerms, lane: int, bar_index: int) -> StepTerms:
    """Return the matching terms of one lane with its stops scaled as of the close of a bar.

    Apart from ``step_terms_of``, so that a pass without factors is compiled as if there were none.
    """
    return scaled_at(step_terms_of(terms, lane), terms.stops, lane, bar_index)


@inlined
def reach_at(beside: Beside | None, at: np.uint64, low: float, high: float) -> tuple[float, float]:
    """Extremes of all prices that a level may be tested on within a bar; its own are given."""
    if beside is None:
        return low, high
    return beside.reach_low[at], beside.reach_high[at]


@inlined
def mark_at(beside: Beside | None, bar_index: int) -> tuple[float, float, float]:
    """Open, high and low of the mark; 0 is not known."""
    if beside is None:
        return 0.0, 0.0, 0.0
    if beside.mark_open.size == 0:
        return 0.0, 0.0, 0.0
    return beside.mark_open[bar_index], beside.mark_high[bar_index], beside.mark_low[bar_index]


@inlined
def ladder_at(beside: Beside | None, bar_index: int) -> FloatArray | None:
    """Order book that is known at a bar's open; the empty one where none is."""
    if beside is None:
        return None
    return beside.ladders[beside.ladder[bar_index]]  # type: ignore[no-any-return]


@inlined
def empty_ladder(beside: Beside | None) -> FloatArray | None:
    """Order book of which nothing is known."""
    if beside is None:
        return None
    return beside.ladders[0]  # type: ignore[no-any-return]


@inlined
def last_span(beside: Beside | None) -> int:
    """Return the span of the last bar."""
    if beside is None:
        return 0
    span = beside.span.size - 2
    while beside.span[span] == beside.span[span + 1]:
        span -= 1
    return span


@inlined
def span_edge(beside: Beside | None, span: int, n_bars: int) -> int:
    """Return the bar at which a span begins; the end after the last one."""
    if beside is None:
        return 0 if span == 0 else n_bars
    return int(beside.span[span])


@inlined
def terms_in(terms: LoopTerms, beside: Beside | None, span: int) -> LoopTerms:
    """Return the terms of one span."""
    if beside is None:
        return terms
    return terms_under(terms, beside.dated, span)


@inlined
def terms_under(terms: LoopTerms, dated: Dated, at: int) -> LoopTerms:
    """Return the terms under one specification."""
    values, first = dated.values, dated.first_bracket
    trading, step = terms.trading, terms.step
    costs = _with_costs(trading.costs, fee_rate=values[at, 0], maker_rate=values[at, 1])
    lot_size, brackets = values[at, 2], dated.brackets[first[at] : first[at + 1]]
    return _dated(
        terms,
        trading=_dated_trading(trading, costs=costs, lot_size=lot_size, min_notional=values[at, 3]),
        step=_dated_step(step, costs=costs, lot_size=lot_size, margin=_with_brackets(step.margin, brackets)),
    )
