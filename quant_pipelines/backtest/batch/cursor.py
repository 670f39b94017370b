"""Where the loop is in its lists: the bars that are pauses, the payments, the changes of targets."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.market.tape import Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.jit import inlined
from quant_pipelines.core.lanes import NONE, ONE, Lanes, Word, put
from quant_pipelines.core.timeframes import DAY_MS


class Cursor(NamedTuple):
    """Where the loop is in its lists: next pause, next payment, and the running UTC day."""

    pause: int
    payment: int
    day: int


class Turn(NamedTuple):
    """Targets in force, the lanes, as bits, that have just got theirs, and where the next change stands."""

    target: Lanes
    lanes: Word
    next: int


@inlined
def retargeted(turn: Turn, targets: Targets, bar_index: int) -> Turn:
    """Take over the targets that change at a bar."""
    in_force, lanes, position = turn.target, NONE, turn.next
    while targets.bar[position] == bar_index:
        j = np.uint64(targets.lane[position])
        in_force = put(in_force, j, targets.value[position])
        lanes |= ONE << j
        position += 1
    return Turn(in_force, lanes, position)


@inlined
def funding_at(tape: Tape, cursor: Cursor, bar_index: int) -> tuple[float, float]:
    """Funding per unit at a bar's open, and inside of it; only a pause has some."""
    if tape.pause[cursor.pause] != bar_index or cursor.payment >= tape.funding_bar.size:
        return 0.0, 0.0
    if tape.funding_bar[cursor.payment] != bar_index:
        return 0.0, 0.0
    return tape.funding_per_unit[cursor.payment], tape.funding_inside[cursor.payment]


@inlined
def past_pause(tape: Tape, cursor: Cursor, bar_index: int) -> Cursor:
    """Cursor after a bar, if it is a pause."""
    if tape.pause[cursor.pause] != bar_index:
        return cursor
    payment = cursor.payment
    if payment < tape.funding_bar.size and tape.funding_bar[payment] == bar_index:
        payment += 1
    day = tape.ts[bar_index] // DAY_MS - tape.ts[0] // DAY_MS
    return Cursor(cursor.pause + 1, payment, day)
