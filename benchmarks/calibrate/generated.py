"""Generated market history: 1h bars and funding, drawn from a seed, with or without trends to follow."""

from functools import cached_property

import numpy as np

from benchmarks.bars_alone import BarsAlone
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, timeframe_ms

TIMEFRAME = "1h"
_STEP_MS = timeframe_ms(TIMEFRAME)
_BARS_A_YEAR = 365 * DAY_MS // _STEP_MS
_TREND_BARS = 96
_VOLATILITY = 0.6 / np.sqrt(_BARS_A_YEAR)
_FUNDING_MS = 8 * HOUR_MS


class GeneratedSource(BarsAlone):
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
        super().__init__(window.end_ms)
        self._seed = seed
        self._window = window
        self._trend = trend
        self._drawn: dict[str, Bars] = {}

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        if timeframe != TIMEFRAME:
            return empty_bars(symbol, timeframe)
        if symbol not in self._drawn:
            self._drawn[symbol] = self._draw(symbol)
        return self._drawn[symbol].between(*window)

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        return self._funding.between(*window)

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
