"""Generated market history: 1h bars and funding, drawn from a seed, with or without trends to follow."""

from functools import cached_property

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.asof import KnownPoints, no_points
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, floor_ms, timeframe_ms
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs
from quant_pipelines.research.history import Extent, extent_of
from quant_pipelines.trading import Specification

TIMEFRAME = "1h"
_STEP_MS = timeframe_ms(TIMEFRAME)
_BARS_A_YEAR = 365 * DAY_MS // _STEP_MS
_TREND_BARS = 96
_VOLATILITY = 0.6 / np.sqrt(_BARS_A_YEAR)
_FUNDING_MS = 8 * HOUR_MS


class GeneratedSource:
    """History of any symbol, from a seed; the same for the same seed and symbol.

    Parameters
    ----------
    seed
        World.
    window
        What there is, UTC midnights.
    trend
        Annual Sharpe ratio of who knew each trend, which lasts for four days on average; 0 has none.
    """

    def __init__(self, seed: int, window: Window, *, trend: float = 0.0) -> None:
        self._seed = seed
        self._window = window
        self._trend = trend
        self._drawn: dict[str, Bars] = {}

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``HistorySource``."""
        return floor_ms(self._window.end_ms, DAY_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        if timeframe != TIMEFRAME:
            return empty_bars(symbol, timeframe)
        if symbol not in self._drawn:
            self._drawn[symbol] = self._draw(symbol)
        return self._drawn[symbol].between(*window)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        return self.bars(symbol, timeframe, Window(start_ms, end_ms))

    def extent(self, symbol: str, timeframe: str, window: Window) -> Extent:
        """See ``HistorySource``."""
        return extent_of(self.bars(symbol, timeframe, window))

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        return self._funding.between(*window)

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``; nothing but bars is drawn."""
        return no_points()

    def specification(self, symbol: str) -> Specification:
        """See ``HistorySource``."""
        return Specification()

    def fill_inputs(self, symbol: str, window: Window) -> FillInputs:
        """See ``HistorySource``."""
        return NO_FILL_INPUTS

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        """See ``HistorySource``; nothing is missing."""
        return ()

    @cached_property
    def _funding(self) -> FundingSeries:
        ts = np.arange(self._window.start_ms, self._window.end_ms, _FUNDING_MS, dtype=np.int64)
        return FundingSeries(ts, np.zeros(ts.size), np.full(ts.size, 100.0))

    def _draw(self, symbol: str) -> Bars:
        chance = np.random.default_rng([8, self._seed, *symbol.encode()])
        n = (self._window.end_ms - self._window.start_ms) // _STEP_MS
        close = 100.0 * np.exp(np.cumsum(self._moves(chance, n)))
        opened = np.concatenate([[100.0], close[:-1]])
        beyond = 0.3 * _VOLATILITY * np.abs(chance.standard_normal((2, n)))
        return Bars(
            symbol,
            TIMEFRAME,
            ts=self._window.start_ms + _STEP_MS * np.arange(n, dtype=np.int64),
            open=opened,
            high=np.maximum(opened, close) * (1.0 + beyond[0]),
            low=np.minimum(opened, close) * (1.0 - beyond[1]),
            close=close,
            volume=np.full(n, 1e6),
        )

    def _moves(self, chance: np.random.Generator, n: int) -> FloatArray:
        """Student's t with 5 degrees of freedom; a trend has one direction."""
        moves = _VOLATILITY * chance.standard_t(5, n) / np.sqrt(5.0 / 3.0)
        turns = np.cumsum(chance.random(n) < 1 / _TREND_BARS)
        directions = chance.choice([-1.0, 1.0], n + 1)[turns]
        return moves + directions * self._trend * _VOLATILITY / np.sqrt(_BARS_A_YEAR)
