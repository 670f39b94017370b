"""The compiled batch loop over execution bars."""

from typing import NamedTuple

from quant_pipelines.backtest.step import (
    BookState,
    StepBar,
    StepOutcome,
    StepTerms,
    close_out,
    step_bar,
    with_order,
)
from quant_pipelines.backtest.tally import Tally, tally_bar, tally_end
from quant_pipelines.backtest.trades import (
    EMPTY_LOG,
    END,
    HARD_STOP,
    TARGET,
    TradeEnd,
    TradeLog,
    add_closing,
    add_funding,
    add_opening,
)
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import kernel, scalar
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.trading.cycle import BookView, decide_order
from quant_pipelines.trading.rules import TradingTerms


class Tape(NamedTuple):
    """Execution bars with what happens at each of them.

    Parameters
    ----------
    ts, open, high, low, close
        Columns of shape (n_bars,).
    target
        Target that is decided on at the bar's close; NaN where nothing is decided. Shape (n_bars,).
    volatility
        Annualized, at the same closes; shape (n_bars,), or (0,) where the sizer doesn't ask.
    funding_bar, funding_per_unit
        Bars (by position) at whose open funding is paid, and the sum of rate x mark price there. Shape
        (n_payments,).
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    target: FloatArray
    volatility: FloatArray
    funding_bar: IntArray
    funding_per_unit: FloatArray


class Record(NamedTuple):
    """Arrays that a pass writes.

    Parameters
    ----------
    daily_equity
        Equity at the end of each UTC day from the first bar's on, shape (n_days,).
    bar_equity
        Equity at every close, shape (n_bars,); left alone if it has shape (0,).
    trades
        Finished round trips, shape (capacity, len(COLUMNS)); those beyond it are only counted.
    """

    daily_equity: FloatArray
    bar_equity: FloatArray
    trades: FloatArray


class DayClock(NamedTuple):
    """Position of the running UTC day, and its end in milliseconds."""

    day: int
    end_ms: int


class LoopResult(NamedTuple):
    """What a pass over a tape leaves."""

    state: BookState
    log: TradeLog
    tally: Tally


class LoopTerms(NamedTuple):
    """Terms of a pass: trading, matching, and whether the position is closed at the last close."""

    trading: TradingTerms
    step: StepTerms
    close_at_end: bool


@scalar
def log_outcome(log: TradeLog, outcome: StepOutcome, ts: int, rows: FloatArray) -> TradeLog:
    """Log after a bar, in the order in which things happened in it."""
    if outcome.funding_paid != 0.0:
        log = add_funding(log, outcome.funding_paid)
    if not outcome.has_fills:
        return log
    if outcome.gap_stop.quantity != 0.0:
        log = add_closing(log, outcome.gap_stop, TradeEnd(ts, HARD_STOP, True), rows)
    if outcome.closing.quantity != 0.0:
        is_reversed = outcome.opening.quantity != 0.0
        is_flat = outcome.state.account.position == 0.0 and outcome.stop.quantity == 0.0
        log = add_closing(log, outcome.closing, TradeEnd(ts, TARGET, is_flat or is_reversed), rows)
    if outcome.opening.quantity != 0.0:
        log = add_opening(log, outcome.opening, ts)
    if outcome.stop.quantity != 0.0:
        log = add_closing(log, outcome.stop, TradeEnd(ts, HARD_STOP, True), rows)
    return log


@kernel
def run_tape(tape: Tape, state: BookState, terms: LoopTerms, record: Record) -> LoopResult:
    """Run a book over a tape.

    Parameters
    ----------
    tape
        Bars and targets.
    state
        Book before the first bar.
    terms
        Rules.
    record
        Arrays that are written.
    """
    log, tally = EMPTY_LOG, Tally(0, 0.0, state.equity, 0.0)
    has_volatility, has_bar_equity = tape.volatility.size > 0, record.bar_equity.size > 0
    payment, clock = 0, DayClock(0, tape.ts[0] - tape.ts[0] % DAY_MS + DAY_MS)
    for i in range(tape.ts.size):
        if tape.ts[i] >= clock.end_ms:
            clock = close_days(record.daily_equity, clock, tape.ts[i], state.equity)
        funding = 0.0
        if payment < tape.funding_bar.size and tape.funding_bar[payment] == i:
            funding = tape.funding_per_unit[payment]
            payment += 1
        bar = StepBar(tape.ts[i], tape.open[i], tape.high[i], tape.low[i], tape.close[i], funding)
        outcome = step_bar(state, bar, terms.step)
        state = outcome.state
        tally = tally_bar(tally, outcome)
        if outcome.has_fills or outcome.funding_paid != 0.0:  # most bars copy no state
            log = log_outcome(log, outcome, tape.ts[i], record.trades)
        volatility = tape.volatility[i] if has_volatility else 0.0
        decision = decide_order(view_of(state, volatility), tape.target[i], terms.trading)
        if decision.order_quantity != 0.0 or decision.target_side != state.target_side:
            state = with_order(state, decision.order_quantity, decision.target_side)
        if has_bar_equity:
            record.bar_equity[i] = state.equity
    result = LoopResult(state, log, tally)
    if terms.close_at_end:
        result = end_run(result, terms.step, tape.ts[-1] + terms.step.step_ms, record)
    record.daily_equity[clock.day] = result.state.equity
    return result


@scalar
def view_of(state: BookState, volatility: float) -> BookView:
    """Return what a decision sees of a book in a replay; pending quantity counts as held."""
    return BookView(
        state.account.position + state.pending,
        state.equity,
        state.close,
        state.day_start_equity,
        state.target_side,
        volatility,
        0.0,
    )


@scalar
def close_days(daily_equity: FloatArray, clock: DayClock, ts: int, equity: float) -> DayClock:
    """Write the equity of every UTC day that ended before a bar, and return the day of that bar.

    A loop that goes on one day at a time crashes the compiler of numba 0.68.
    """
    passed = (ts - clock.end_ms) // DAY_MS + 1
    daily_equity[clock.day : clock.day + passed] = equity
    return DayClock(clock.day + passed, clock.end_ms + passed * DAY_MS)


@scalar
def end_run(result: LoopResult, terms: StepTerms, end_ms: int, record: Record) -> LoopResult:
    """Close the position at the last close with its costs."""
    state, fill = close_out(result.state, terms)
    log, tally = result.log, result.tally
    if fill.quantity != 0.0:
        log = add_closing(log, fill, TradeEnd(end_ms, END, True), record.trades)
        tally = tally_end(tally, fill, state.equity)
        record.bar_equity[-1:] = state.equity
    return LoopResult(state, log, tally)
