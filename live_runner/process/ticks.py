"""What the market did since a trader's last bar, put together from the feed for its next step."""

import asyncio
from collections.abc import Awaitable, Callable

from live_runner.book.fill_data import fill_data, slot_prices
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.feed import PATIENCE_MS, Feed
from live_runner.ports.market_time import MarketTime
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import MarketSettings
from quant_pipelines.core.timeframes import MINUTE_MS, floor_ms, timeframe_ms
from quant_pipelines.exchange import BarRows
from quant_pipelines.store.journal import MarketRows
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.telemetry.record import observe

Ready = Callable[[int], Awaitable[None]]
"""Returns once the books of a deployment were compared with its venue."""


class TickSource:
    """Puts ticks together.

    Parameters
    ----------
    feed, time
        Market data, and the exchange's time.
    market
        What others stored of the market.
    settings
        Which prices are read, and of which symbols the book.
    ready
        Waited for last.
    """

    def __init__(
        self, feed: Feed, time: MarketTime, market: MarketRows, settings: MarketSettings, *, ready: Ready
    ) -> None:
        self._feed = feed
        self._time = time
        self._market = market
        self._settings = settings
        self._ready = ready

    async def tick(self, trader: Trader, close_ms: int) -> Tick | None:
        """Read everything that the market did since the trader's last bar; None if that is nothing.

        Raises
        ------
        ExchangeError
            If the exchange does not answer.
        """
        feed, plan, symbol = self._feed, trader.plan, trader.symbol
        start_ms, end_ms = trader.booked_until_ms, floor_ms(close_ms, plan.execution_step_ms)
        if end_ms <= start_ms:
            return None
        rows = await feed.closed_bars(symbol, plan.deployment.execution_timeframe, Window(start_ms, end_ms))
        if not len(rows):
            return None
        if (late_ms := self._time.now_ms() - end_ms) < MINUTE_MS:  # what is caught up with was not late
            observe("quant_bar_lateness_seconds", late_ms / 1000)
        funding = await feed.funding(
            symbol,
            Window(start_ms, int(rows.ts[-1]) + plan.execution_step_ms),
            interval_hours=plan.funding_interval_hours,
            deadline_ms=end_ms + PATIENCE_MS,
        )
        strategy_bars = await self._strategy_bars(trader, rows, end_ms)
        higher = await self._higher_bars(trader, end_ms)
        points = await self._points(trader, end_ms)
        has_books = symbol in self._settings.book_symbols
        fills = await fill_data(self._market, feed, plan, rows, has_books=has_books)
        if plan.deployment.venue == PAPER_VENUE:  # others pay by themselves
            fills = fills._replace(slots=await slot_prices(feed, symbol, funding))
        await feed.first_word(symbol)
        await self._ready(plan.deployment.id)  # else the first decision waits for the next bar
        now_ms, age_seconds = self._time.now_ms(), feed.age_seconds(symbol)
        return Tick(rows, tuple(funding), strategy_bars, now_ms, age_seconds, higher, points, fills)

    async def _strategy_bars(self, trader: Trader, rows: BarRows, end_ms: int) -> BarRows | None:
        deployment = trader.plan.deployment
        if deployment.timeframe == deployment.execution_timeframe:
            return rows
        start_ms, end_ms = trader.series.end_ms, floor_ms(end_ms, trader.plan.step_ms)
        if end_ms <= start_ms:
            return None
        return await self._feed.closed_bars(trader.symbol, deployment.timeframe, Window(start_ms, end_ms))

    async def _higher_bars(self, trader: Trader, end_ms: int) -> dict[str, BarRows]:
        """Bars of the declared higher timeframes that have closed since the last tick."""
        found: dict[str, BarRows] = {}
        for timeframe, series in trader.inputs.higher.items():
            window = Window(series.end_ms, floor_ms(end_ms, timeframe_ms(timeframe)))
            if window.start_ms < window.end_ms:
                found[timeframe] = await self._feed.closed_bars(trader.symbol, timeframe, window)
        return found

    async def _points(self, trader: Trader, end_ms: int) -> dict[str, list[tuple[int, float]]]:
        """Values that the newest decision needs before anybody has stored them."""
        prices = self._settings.mark_timeframe
        grid_ms = {
            "open_interest": timeframe_ms("5m"),
            **dict.fromkeys(("index_close", "mark_close"), timeframe_ms(prices)),
        }
        due = trader.inputs.due(floor_ms(end_ms, trader.plan.step_ms), grid_ms)
        if not due:
            return {}
        told = [self._feed.points(trader.symbol, name, ts_ms, prices) for name, ts_ms in due.items()]
        return dict(zip(due, await asyncio.gather(*told), strict=True))
