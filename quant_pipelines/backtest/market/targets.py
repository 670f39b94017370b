"""Targets as the loop reads them: the execution bars at which they change."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import inner, kernel
from quant_pipelines.core.lanes import NONE, ONE, lowest_bit
from quant_pipelines.core.memory import WORD_BITS, unlike
from quant_pipelines.sdk.strategy import first_outside
from quant_pipelines.sdk.turns import Turns

FIRST_ROOM = 4096
_NEVER = np.iinfo(np.int64).max


class Targets(NamedTuple):
    """Changes of the targets of all lanes in the order of their bars; one that never comes stands at the end.

    Parameters
    ----------
    bar, lane, value
        Execution bar from which on a target holds, whose it is, and the target; NaN is no decision.
        Shape (n_changes + 1,).
    """

    bar: IntArray
    lane: IntArray
    value: FloatArray


class Changes(NamedTuple):
    """Changes of one target, with one that never comes at the end; see ``Targets``.

    ``outside`` is the bar of the first value beyond -1 or 1 in the target, its size where there is none.
    """

    bar: IntArray
    value: FloatArray
    outside: int


@inner
def is_change(value: float, last: float) -> bool:
    """Whether two targets differ; two that are not a number don't."""
    return value != last and not (value != value and last != last)  # noqa: PLR0124 - not a number


@inner
def with_room(bar: IntArray, value: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return lists with room for the changes of another word and the last one."""
    if count + WORD_BITS < bar.size:
        return bar, value
    longer_bar, longer_value = np.empty(2 * bar.size, np.int64), np.empty(2 * bar.size)
    longer_bar[:count], longer_value[:count] = bar[:count], value[:count]
    return longer_bar, longer_value


@inner
def candidates(target: FloatArray, at: int, end: int) -> np.uint64:
    """Bits of the next 64 values that may differ from the one before: of all where there are fewer."""
    if at + WORD_BITS <= end and at > 0:
        return unlike(target, np.uint64(at))  # type: ignore[no-any-return]
    return ~NONE >> np.uint64(WORD_BITS - min(end - at, WORD_BITS))


@kernel
def changes_of(target: FloatArray, first: int, n_bars: int) -> Changes:
    """Find the changes of a target that is decided on at every execution bar.

    Parameters
    ----------
    target
        Shape (n_strategy_bars,).
    first
        Strategy bar that is decided on at the first execution close.
    n_bars
        Number of execution bars.
    """
    outside, size = first_outside(target[:first]), int(target.size)
    outside = outside if outside < first else size
    bar, changed = np.empty(FIRST_ROOM, np.int64), np.empty(FIRST_ROOM)
    count, last = 0, np.nan
    for at in range(first, first + n_bars, WORD_BITS):
        word = candidates(target, at, first + n_bars)
        if at == first:
            word |= ONE  # there is no last one that it could be like
        if word == NONE:
            continue
        bar, changed = with_room(bar, changed, count)
        while word != NONE:
            position = at + int(lowest_bit(word))
            word &= word - ONE
            value = target[position]
            if is_change(value, last):
                bar[count], changed[count] = position - first, value
                count += 1
                if abs(value) > 1.0 and outside == size:
                    outside = position
                last = value
    bar[count], changed[count] = n_bars, np.nan
    return Changes(bar[: count + 1].copy(), changed[: count + 1].copy(), outside)


@kernel
def changes_at(target: FloatArray, decision_row: IntArray) -> Changes:
    """Find the changes of a target that is decided on at some bars only; see ``market.decision_rows``."""
    n_bars = decision_row.size
    bar, changed = np.empty(n_bars + 1, np.int64), np.empty(n_bars + 1)
    count, last = 0, np.nan
    for i in range(n_bars):
        value = target[decision_row[i]] if decision_row[i] >= 0 else np.nan
        if is_change(value, last):
            bar[count], changed[count] = i, value
            count += 1
        last = value
    bar[count], changed[count] = n_bars, np.nan
    return Changes(bar[: count + 1].copy(), changed[: count + 1].copy(), first_outside(target))


def changes_from(turns: Turns, first: int, n_bars: int) -> Changes:
    """Find the changes of a target that is given by its turns; see ``changes_of``."""
    bar = np.ascontiguousarray(turns.bar, dtype=np.int64)
    value = np.ascontiguousarray(turns.value, dtype=np.float64)
    return Changes(*_shifted(bar, value, first, n_bars), first_turn_outside(bar, value, turns.size))


@kernel
def _shifted(bar: IntArray, value: FloatArray, first: int, n_bars: int) -> tuple[IntArray, FloatArray]:
    """Return the turns from the one in force at the first bar on, and the last one that never comes."""
    in_force = max(int(np.searchsorted(bar, first, side="right")) - 1, 0)
    count = bar.size - in_force
    at, held = np.empty(count + 1, np.int64), np.empty(count + 1)
    for k in range(count):
        at[k], held[k] = max(bar[in_force + k] - first, 0), value[in_force + k]
    at[count], held[count] = n_bars, np.nan
    return at, held


class Joined(NamedTuple):
    """Turns of several lanes, one after the other; ``ends`` says where those of each end."""

    bar: IntArray
    value: FloatArray
    ends: IntArray


def joined(turns: Sequence[Turns]) -> Joined:
    """Put turns one after the other, as compiled code reads them."""
    bar = np.concatenate([one.bar for one in turns], dtype=np.int64, casting="unsafe")
    value = np.concatenate([one.value for one in turns], dtype=np.float64, casting="unsafe")
    return Joined(bar, value, np.cumsum([one.bar.size for one in turns]))


@kernel
def abreast_from(turns: Joined, first: int, n_bars: int) -> tuple[Targets, bool]:
    """Put the changes of lanes that are given by their turns in order, and tell whether one is beyond 1.

    As ``abreast`` of what ``changes_from`` finds, in one call for all lanes.
    """
    n_lanes, is_outside = turns.ends.size, False
    size = turns.bar.size + 2 * n_lanes
    bar, value, ends, filled = np.empty(size, np.int64), np.empty(size), np.empty(n_lanes, np.int64), 0
    for lane in range(n_lanes):
        begin = turns.ends[lane - 1] if lane > 0 else 0
        end, in_force = turns.ends[lane], begin
        for k in range(begin, end):
            is_outside |= abs(turns.value[k]) > 1.0
            if turns.bar[k] <= first:
                in_force = k
        for k in range(in_force, end):
            bar[filled], value[filled] = max(turns.bar[k] - first, 0), turns.value[k]
            filled += 1
        bar[filled], value[filled] = n_bars, np.nan
        filled += 1
        ends[lane] = filled
    merged, lanes, values = _merged(bar[:filled], value[:filled], ends)
    return Targets(merged, lanes, values), is_outside


@kernel
def first_turn_outside(bar: IntArray, value: FloatArray, size: int) -> int:
    """Bar of the first turn to a value beyond -1 or 1; the size where there is none."""
    for k in range(value.size):
        if abs(value[k]) > 1.0:
            return int(bar[k])
    return size


def abreast(changes: Sequence[Changes]) -> Targets:
    """Put the changes of the targets of the first lanes in order; other lanes never decide."""
    ends = np.cumsum([one.bar.size for one in changes])
    bar = np.concatenate([one.bar for one in changes])
    return Targets(*_merged(bar, np.concatenate([one.value for one in changes]), ends))


@kernel
def _merged(bar: IntArray, value: FloatArray, ends: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Merge runs that are in order; of changes on one bar that of the lower lane comes first."""
    size, n_lanes = bar.size, ends.size
    merged, lanes, values = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    next_of, head = np.zeros(n_lanes, np.int64), np.empty(n_lanes, np.int64)
    next_of[1:] = ends[:-1]
    for lane in range(n_lanes):
        head[lane] = bar[next_of[lane]]
    for k in range(size):
        least = 0
        for lane in range(1, n_lanes):
            if head[lane] < head[least]:
                least = lane
        at = next_of[least]
        merged[k], lanes[k], values[k] = bar[at], least, value[at]
        next_of[least] = at + 1
        head[least] = bar[at + 1] if at + 1 < ends[least] else _NEVER
    return merged, lanes, values
