"""Terms of a pass as the loop needs them: of one lane, and in one span of time."""

from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.backtest.state import StepTerms
from quant_pipelines.backtest.stops import StopTerms
from quant_pipelines.backtest.tape import LoopTerms, Tape
from quant_pipelines.core.jit import inner
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


@inner
def terms_in(terms: LoopTerms, span: int) -> LoopTerms:
    """Return the terms of one span of the tape."""
    values = terms.dated.values
    if values.shape[0] == 0:
        return terms
    trading, step, first = terms.trading, terms.step, terms.dated.first_bracket
    costs = CostTerms(
        values[span, 0], trading.costs.slippage_rate, values[span, 1], trading.costs.impact_rate
    )
    lot_size, brackets = values[span, 2], terms.dated.brackets[first[span] : first[span + 1]]
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
        terms.dated,
    )


@inner
def last_span(tape: Tape) -> int:
    """Return the span of the last bar."""
    span = tape.span.size - 2
    while tape.span[span] == tape.span[span + 1]:
        span -= 1
    return span
