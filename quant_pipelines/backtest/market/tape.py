"""What a pass of the batch loop reads, and the arrays that it writes."""

from typing import NamedTuple

from quant_pipelines.backtest.bar.state import StepTerms
from quant_pipelines.backtest.bar.stops import StopTerms
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.trading.rules import TradingTerms


class Dated(NamedTuple):
    """Terms that change with the specification, by the spans of the tape.

    Parameters
    ----------
    values
        Fee rate, maker rate, lot size and smallest notional, shape (n_specifications, 4).
    brackets, first_bracket
        Maintenance brackets of all specifications, and where those of each begin, with the end after them.
    """

    values: FloatArray
    brackets: FloatArray
    first_bracket: IntArray


class Beside(NamedTuple):
    """What lies beside the bars where liquidation tests a mark, specifications change, or depth is known.

    Parameters
    ----------
    reach_low, reach_high
        Lowest and highest of all prices that a level may be tested on within a bar, shape (n_bars,).
    mark_open, mark_high, mark_low
        Mark prices, 0 where they aren't known; shape (n_bars,), or (0,) where nothing tests them.
    ladders, ladder
        Sampled order books, the first of which is empty, and the one that is known at each bar's open; shapes
        (n_samples + 1, 2, n_levels, 2) and (n_bars,).
    span, dated
        Where each specification begins to be in force, and the end; and what it changes. A bar that begins
        one is a pause. Shape (n_specifications + 1,).
    """

    reach_low: FloatArray
    reach_high: FloatArray
    mark_open: FloatArray
    mark_high: FloatArray
    mark_low: FloatArray
    ladders: FloatArray
    ladder: IntArray
    span: IntArray
    dated: Dated


class Tape(NamedTuple):
    """Execution bars with what happens at each of them, the same for every book.

    Parameters
    ----------
    ts, open, high, low, close, volume
        Columns of shape (n_bars,).
    volatility
        Annualized, at the closes that are decided on; shape (n_bars,), or (0,) where the sizer doesn't ask.
    atr, deviation
        Inputs of the stops as of each close; shape (n_bars,), or (0,) where no stop asks.
    pause
        Bars (by position) on which every book is stepped: where a UTC day begins or ends, or funding is due.
        One that never comes stands at the end. Shape (n_pauses + 1,).
    funding_bar, funding_per_unit, funding_inside
        Bars with funding, and the sum of rate x price that is paid at their opens and inside them; see
        ``market.funding``. Shape (n_payments,).
    funding_at_end
        The same at the last close, for what is closed there.
    beside
        What most passes do without: compiled code is made for each of both cases.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    volatility: FloatArray
    atr: FloatArray
    deviation: FloatArray
    pause: IntArray
    funding_bar: IntArray
    funding_per_unit: FloatArray
    funding_inside: FloatArray
    funding_at_end: float
    beside: Beside | None


class Record(NamedTuple):
    """Arrays that a pass writes.

    Parameters
    ----------
    daily_equity
        Equity at the end of each UTC day from the first bar's on, shape (n_lanes, n_days).
    bar_equity
        Equity at every close, shape (n_lanes, n_bars); left alone if it has shape (n_lanes, 0).
    bar_position
        Signed base quantity held at every close, in the same way.
    trades
        Finished round trips, shape (n_lanes, capacity, len(COLUMNS)); those beyond it are only counted.
    """

    daily_equity: FloatArray
    bar_equity: FloatArray
    bar_position: FloatArray
    trades: FloatArray


N_RULES = len(StopTerms._fields)


class LoopTerms(NamedTuple):
    """Terms of a pass: trading, matching, and whether the position is closed at the last close.

    ``stops`` has a row for each lane: its rules in the order of ``StopTerms``. Where strategies scale them,
    there stand after that, in the order of ``StopScales``, the column at which the factors of a rule begin
    (0 is none), and then the factors as of each close: further arrays would be counted at every call.
    """

    trading: TradingTerms
    step: StepTerms
    stops: FloatArray
    close_at_end: bool
