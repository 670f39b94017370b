"""Targets as the loop reads them: the execution bars at which they change."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import kernel


class Targets(NamedTuple):
    """Changes of the target of each lane.

    Parameters
    ----------
    bar, value
        Execution bar from which on a target holds, and the target; NaN is no decision. The changes of a lane
        stand together, and behind the last one stands a bar that never comes.
    start
        Where each lane's changes begin, shape (n_lanes,).
    """

    bar: IntArray
    value: FloatArray
    start: IntArray


class Changes(NamedTuple):
    """Changes of one target; see ``Targets``."""

    bar: IntArray
    value: FloatArray


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
    count = 1
    for i in range(first + 1, first + n_bars):
        count += target[np.uint64(i)] != target[np.uint64(i - 1)]
    bar, changed = np.empty(count + 1, np.int64), np.empty(count + 1)
    count, last = 0, np.nan
    for i in range(first, first + n_bars):
        value = target[np.uint64(i)]
        if value != last and not (value != value and last != last):  # noqa: PLR0124 - two NaN are no change
            bar[count], changed[count] = i - first, value
            count += 1
        last = value
    bar[count], changed[count] = n_bars, np.nan
    return Changes(bar[: count + 1], changed[: count + 1])


@kernel
def changes_at(target: FloatArray, decision_row: IntArray) -> Changes:
    """Find the changes of a target that is decided on at some bars only; see ``market.decision_rows``."""
    n_bars = decision_row.size
    bar, changed = np.empty(n_bars + 1, np.int64), np.empty(n_bars + 1)
    count, last = 0, np.nan
    for i in range(n_bars):
        value = target[decision_row[i]] if decision_row[i] >= 0 else np.nan
        if value != last and not (value != value and last != last):  # noqa: PLR0124 - two NaN are no change
            bar[count], changed[count] = i, value
            count += 1
        last = value
    bar[count], changed[count] = n_bars, np.nan
    return Changes(bar[: count + 1], changed[: count + 1])


def abreast(changes: Sequence[Changes], width: int) -> Targets:
    """Targets of up to ``width`` lanes; lanes without one never decide."""
    n_bars = max(int(one.bar[-1]) for one in changes)
    idle = Changes(np.array([n_bars]), np.array([np.nan]))
    given = [*changes, *[idle] * (width - len(changes))]
    starts = np.cumsum([0, *(one.bar.size for one in given[:-1])])
    return Targets(
        np.concatenate([one.bar for one in given]),
        np.concatenate([one.value for one in given]),
        starts.astype(np.int64),
    )
