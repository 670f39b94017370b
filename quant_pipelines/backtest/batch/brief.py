"""The pass of a sweep: what is kept of each lane is a row of numbers, not a value that crosses into Python.

A result of the loop is made of a hundred fields, each of which costs a tenth of a microsecond on its way out.
"""

from functools import cache
from typing import NamedTuple

from quant_pipelines.backtest.batch.loop import Loop, Start, make_loop
from quant_pipelines.backtest.market.tape import LoopTerms, Record, Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel

WIDTH = 8
BRIEF = ("equity", "finished", "bars_held", "traded_notional", "max_drawdown", "side", "entry_ts")
EQUITY, FINISHED, BARS_HELD, TRADED_NOTIONAL, MAX_DRAWDOWN, SIDE, ENTRY_TS = range(len(BRIEF))


class Written(NamedTuple):
    """Arrays that a pass writes, with a row of ``BRIEF`` for each lane, shape (WIDTH, len(BRIEF))."""

    record: Record
    rows: FloatArray


@cache
def loop_of(width: int) -> Loop:
    """Loop for that many lanes, made once."""
    return make_loop(width)


_loop = loop_of(WIDTH)


@kernel
def pass_abreast(tape: Tape, targets: Targets, start: Start, terms: LoopTerms, written: Written) -> None:
    """Run ``WIDTH`` books and write of each a row of ``BRIEF``."""
    rows, results = written.rows, _loop(tape, targets, start, terms, written.record)
    for lane in range(len(results)):
        left = results[lane]
        rows[lane, 0] = left.state.curve.equity
        rows[lane, 1] = left.log.finished
        rows[lane, 2] = left.tally.bars_held
        rows[lane, 3] = left.tally.traded_notional
        rows[lane, 4] = left.tally.max_drawdown
        rows[lane, 5] = left.log.trade.side
        rows[lane, 6] = left.log.trade.entry_ts
