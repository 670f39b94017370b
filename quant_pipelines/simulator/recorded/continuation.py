"""What follows the last recorded bar: a seeded block bootstrap of the recorded returns.

Eight-hour blocks of the recorded span are drawn for the same hours of the day, the same blocks for all
symbols, so that daily seasons, volatility clusters and correlations stay what they were.
"""

from functools import lru_cache

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.simulator.processes import stream
from quant_pipelines.simulator.recorded.tables import EMPTY, Table, joined
from quant_pipelines.simulator.seconds import CLOSE, OPEN, QUOTE_VOLUME

BLOCK_MS = 8 * HOUR_MS
_BLOCKS_PER_DAY = 3
_DRAW = 5
_ALL_SYMBOLS = 98  # stream index of what is drawn for all symbols at once


class Draw:
    """Which recorded block is played in a later one.

    Parameters
    ----------
    seed
        Seed of the market.
    span
        What may be drawn.
    """

    def __init__(self, seed: int, span: Window) -> None:
        self._seed = seed
        blocks = np.arange(-(-span.start_ms // BLOCK_MS), span.end_ms // BLOCK_MS)
        self._by_phase = [blocks[blocks % _BLOCKS_PER_DAY == phase] for phase in range(_BLOCKS_PER_DAY)]
        self._blocks = blocks

    def source(self, block: int) -> int | None:
        """Return the number of the recorded block; None if the span holds no whole block."""
        choices = self._by_phase[block % _BLOCKS_PER_DAY]
        choices = choices if choices.size else self._blocks
        if not choices.size:
            return None
        rng = stream(self._seed, _ALL_SYMBOLS, block, _DRAW)
        return int(choices[rng.integers(choices.size)])


class Continuation:
    """One symbol's bars after its last recorded one.

    Parameters
    ----------
    base
        Recorded bars.
    step_ms
        Their length.
    price_decimals
        Digits that prices are rounded to.
    draw
        Which blocks are played.
    """

    def __init__(self, base: Table, step_ms: int, *, price_decimals: int, draw: Draw) -> None:
        self._base = base
        self._decimals = price_decimals
        self._draw = draw
        self.start_ms = int(base.ts[-1]) + step_ms
        self._first = self.start_ms // BLOCK_MS
        self._levels = [float(base.rows[-1, CLOSE])]
        self._block = lru_cache(maxsize=8)(self._make_block)

    def bars(self, first_ms: int, end_ms: int) -> Table:
        """Bars whose open time lies in ``[first_ms, end_ms)``; none before the end of what is recorded."""
        first = max(first_ms, self.start_ms)
        if end_ms <= first:
            return EMPTY
        numbers = range(first // BLOCK_MS, (end_ms - 1) // BLOCK_MS + 1)
        return joined(*(self._block(number) for number in numbers)).between(first, end_ms)

    def _make_block(self, number: int) -> Table:
        while len(self._levels) <= number - self._first:
            at = self._first + len(self._levels) - 1
            rows = self._scaled(at, self._levels[-1]).rows
            self._levels.append(float(rows[-1, CLOSE]) if len(rows) else self._levels[-1])
        return self._scaled(number, self._levels[number - self._first])

    def _scaled(self, number: int, level: float) -> Table:
        source = self._draw.source(number)
        if source is None:
            return EMPTY
        shift = (number - source) * BLOCK_MS
        first = max(number * BLOCK_MS, self.start_ms) - shift
        part = self._base.between(first, (source + 1) * BLOCK_MS)
        if not len(part.ts):
            return EMPTY
        before = self._base.last_before(first)
        factor = level / (self._base.rows[before, CLOSE] if before >= 0 else part.rows[0, OPEN])
        rows: FloatArray = part.rows.copy()
        prices = np.round(rows[:, OPEN : CLOSE + 1] * factor, self._decimals)
        rows[:, OPEN : CLOSE + 1] = np.maximum(prices, 10.0**-self._decimals)
        rows[:, QUOTE_VOLUME] *= factor
        return Table(part.ts + shift, rows)
