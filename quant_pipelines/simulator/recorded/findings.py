"""Checks the archive against itself: bars from their own file and the roll-ups of shorter ones."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.timeframes import TIMEFRAMES, from_ms
from quant_pipelines.simulator.recorded.recording import Recorded, Recording
from quant_pipelines.simulator.recorded.tables import rolled_up
from quant_pipelines.simulator.seconds import CLOSE, HIGH, LOW, OPEN, VOLUME

_COLUMNS = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}
_TOLERANCE = 1e-9  # relative; sums of volumes differ in the last digits
_NAMES = {step: name for name, step in TIMEFRAMES.items()}


class RollUpComparison(NamedTuple):
    """Bars of one file against the roll-ups of a file of shorter ones.

    Parameters
    ----------
    name
        The venue's symbol.
    timeframe, shorter
        What was compared with what.
    bars
        Bars that both have.
    differing
        Bars that differ in any column.
    first
        Column and time of the first difference; empty without one.
    """

    name: str
    timeframe: str
    shorter: str
    bars: int
    differing: int
    first: str

    def __str__(self) -> str:
        whole = f"{self.name} {self.timeframe}: {self.bars} bars against roll-ups of {self.shorter}"
        return (
            f"{whole}, {self.differing} differ, first {self.first}" if self.differing else f"{whole}, equal"
        )


def compare_roll_ups(recording: Recording) -> list[RollUpComparison]:
    """Compare every file with the symbol's files of shorter bars, where both have bars."""
    return [found for one in recording.symbols.values() for found in _of_symbol(one)]


def _of_symbol(one: Recorded) -> Iterator[RollUpComparison]:
    pairs = [(step, shorter) for step in sorted(one.bars) for shorter in sorted(one.bars) if shorter < step]
    for step, shorter in pairs:
        own, rolled = one.bars[step], rolled_up(one.bars[shorter], step, per_bar=step // shorter)
        ts, ours, theirs = np.intersect1d(own.ts, rolled.ts, assume_unique=True, return_indices=True)
        if not ts.size:
            continue
        columns = list(_COLUMNS.values())
        left, right = own.rows[ours][:, columns], rolled.rows[theirs][:, columns]
        differs = ~np.isclose(left, right, rtol=_TOLERANCE, atol=0.0)
        rows = np.flatnonzero(differs.any(axis=1))
        first = ""
        if rows.size:
            column = list(_COLUMNS)[int(np.argmax(differs[rows[0]]))]
            first = f"{column} at {from_ms(int(ts[rows[0]])):%Y-%m-%d %H:%M}"
        yield RollUpComparison(
            one.listing.name, _NAMES[step], _NAMES[shorter], int(ts.size), int(rows.size), first
        )
