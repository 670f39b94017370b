"""The market of a journal in memory: none."""

from quant_pipelines.core.asof import KnownPoints, no_points
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.series import Series, Window
from quant_pipelines.store.market_events import Levels


class NothingStored:
    """`MarketRows` where nobody has stored anything."""

    def bars(self, series: Series, window: Window) -> Bars:
        return empty_bars(series.symbol, series.timeframe)

    def factors(self, exchange: str, symbol: str) -> tuple[PriceFactor, ...]:
        return ()

    def points(self, exchange: str, symbol: str, name: str, window: Window) -> KnownPoints:
        return no_points()

    def books(self, exchange: str, symbol: str, window: Window) -> list[tuple[int, Levels, Levels]]:
        return []
