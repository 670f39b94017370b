"""Market history that is bars and nothing else, for worlds that are made and not recorded."""

from abc import ABC, abstractmethod

from quant_pipelines.core.asof import KnownPoints, no_points
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs
from quant_pipelines.research.history import Extent, extent_of
from quant_pipelines.trading import Specification


class BarsAlone(ABC):
    """A ``HistorySource`` of bars; who knows funding besides says so.

    Parameters
    ----------
    end_ms
        Where every series ends.
    """

    def __init__(self, end_ms: int) -> None:
        self._end_ms = end_ms

    @abstractmethod
    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``HistorySource``."""
        return floor_ms(self._end_ms, DAY_MS)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        return self.bars(symbol, timeframe, Window(start_ms, end_ms))

    def extent(self, symbol: str, timeframe: str, window: Window) -> Extent:
        """See ``HistorySource``."""
        return extent_of(self.bars(symbol, timeframe, window))

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        return no_funding()

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``."""
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
