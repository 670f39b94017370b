"""``MarketSource`` over ccxt: pages history, keeps the open bar out, listens to streams."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple, Self

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable, unknown_name
from quant_pipelines.core.exchanges import EXCHANGES
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, OpenInterest, PricePoint
from quant_pipelines.core.rate_budget import RateLedger, RateState
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, floor_ms, timeframe_ms
from quant_pipelines.exchange import rows
from quant_pipelines.exchange.client import OpenSession, connect
from quant_pipelines.exchange.dialects import Pages, dialect_of
from quant_pipelines.exchange.market_source import (
    BookSnapshot,
    BookTop,
    LiveBar,
    MarkPrice,
    PublicTrade,
)
from quant_pipelines.exchange.paging import by_number, by_time, on_grid, unique_by_time
from quant_pipelines.exchange.requests import Requests
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.exchange.server_clock import ServerClock
from quant_pipelines.exchange.streams import ExchangeStreams

_STATES_LAST_MS = HOUR_MS
_INTEREST_STEP_MS = 5 * MINUTE_MS


class _Asked(NamedTuple):
    """Bars of a symbol, or one of its prices at the opens of bars."""

    symbol: str
    timeframe: str
    price: str = ""

    @property
    def what(self) -> str:
        return f"{self.timeframe} {f'{self.price} prices' if self.price else 'bars'} of {self.symbol}"


class CcxtSource:
    """Market data of one exchange of ``DIALECTS`` through ccxt.

    Parameters
    ----------
    settings
        Exchange id, address of a simulated venue if any, requests in flight.
    clock
        Milliseconds UTC; stamps what streams deliver.
    backoff
        Patience with transient failures.
    ledger
        Request budget shared with other processes; None counts alone.
    open_session
        Opens what requests and streams go through; None is ccxt's own way.

    Raises
    ------
    ConfigurationError
        If the exchange is not supported.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        *,
        clock: Clock = system_clock_ms,
        backoff: Backoff | None = None,
        ledger: RateLedger | None = None,
        open_session: OpenSession | None = None,
    ) -> None:
        self._settings = settings
        self._dialect = dialect_of(settings.id)
        self._clock = clock
        self._client: Any = connect(settings, clock, open_session)
        self._request = Requests(self._client, settings, clock, backoff=backoff or Backoff(), ledger=ledger)
        self._streams = ExchangeStreams(self._client, self._dialect, clock, backoff or Backoff())
        self._markets_loading = asyncio.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        self._known_ms = 0
        self._server_clock = ServerClock(clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Learn what the exchange lists and allows; every other method does it when it must.

        Raises
        ------
        ExchangeError
            If the exchange does not answer or refuses.
        """
        async with self._markets_loading:
            if self._client.markets:
                return
            await self._request("instruments", self._client.load_markets, "instruments")
            self._know(self._client.markets.values())
            self._request.budget.limit = self._client.published_limit or self._dialect.limit.weight

    async def close(self) -> None:
        """Free connections."""
        await self._client.close()

    async def rate_state(self) -> RateState:
        """Read what has been used of the exchange's request budget, for heartbeats."""
        return await self._request.budget.state()

    async def server_time(self) -> int:
        """Exchange's clock, milliseconds UTC."""

        async def told() -> int:
            return int(await self._client.fetch_time())

        return await self._request("server time", told, "time")

    async def instruments(self) -> list[Instrument]:
        """USDT contracts (or pairs, on a spot market) that are trading, by symbol."""
        await self.connect()
        dialect, market_type, told = self._dialect, EXCHANGES[self._settings.id], {}
        if dialect.interval_call:
            call = getattr(self._client, dialect.interval_call)
            told = await self._request("funding intervals", call, "intervals")
        return [
            rows.instrument_of(self._settings.id, market, rows.funding_hours(market, told, dialect))
            for _, market in sorted(self._client.markets.items())
            if market[market_type]
            and market["active"]
            and "USDT" in (market["settle"], market["quote"])
            and market["linear"] is not False
        ]

    async def contract_states(self, symbols: Sequence[str]) -> dict[str, ContractState]:
        """State of these contracts, at most an hour old; one that is not listed is left out.

        Raises
        ------
        ExchangeError
            If the exchange does not answer or refuses.
        """
        await self.connect()
        if self._clock() - self._known_ms > _STATES_LAST_MS:
            found = await self._request("instruments", self._client.fetch_markets, "instruments")
            if not found:
                raise ExchangeUnavailable("exchange answered instruments with none; expected what it lists")
            self._know(found)
        kind, named = EXCHANGES[self._settings.id], self._client.markets
        ids = {symbol: named[symbol]["id"] for symbol in symbols if symbol in named}
        return {
            symbol: rows.contract_state_of(self._known[market_id], kind, self._dialect, symbol)
            for symbol, market_id in ids.items()
            if market_id in self._known
        }

    def _know(self, markets: Iterable[dict[str, Any]]) -> None:
        self._known, self._known_ms = {market["id"]: market for market in markets}, self._clock()

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Return closed bars with open times in a window, sorted, without duplicates.

        A bar counts as closed by the exchange's clock at the time of asking, so a page never ends in the bar
        that is still trading.

        Raises
        ------
        ExchangeUnavailable
            If the exchange does not answer, repeats included.
        ExchangeRefused
            If it refuses, or does not list the symbol.
        """
        asked = _Asked(symbol, timeframe)
        raw = await self._raw_bars(asked, window, self._dialect.bars)
        return rows.bar_rows(raw, self._dialect.bar_columns, self._streams.bar_size(symbol), asked.what)

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        """Mark price at the open of each bar in a window, the running one included, sorted."""
        return await self._price_points(_Asked(symbol, timeframe, "mark"), window)

    async def index_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        """Index price at the open of each bar in a window, the running one included, sorted."""
        return await self._price_points(_Asked(symbol, timeframe, "index"), window)

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        """Funding paid in a window by slot, sorted; empty where there is none (spot)."""
        pages = self._dialect.funding
        if pages is None:
            return []
        await self._listed(symbol)
        what, client = f"funding rates of {symbol}", self._client

        async def paged(first: int, stop: int) -> list[FundingRate]:
            async def told() -> list[FundingRate]:
                answer = await client.fetch_funding_rate_history(
                    symbol, first, pages.limit, pages.window(stop)
                )
                return [rows.funding_rate_of(row) for row in answer]

            return await self._request(what, told, "funding")

        async def numbered(number: int) -> list[FundingRate]:
            async def told() -> list[FundingRate]:
                answer = await client.fetch_funding_rate_history(
                    symbol, None, pages.limit, {"pageNo": number}
                )
                return [rows.funding_rate_of(row) for row in answer]

            return await self._request(what, told, "funding")

        if pages.direction == "numbered":
            found = await by_number(numbered, _ts, window.start_ms, pages.limit)
        else:
            found = await by_time(paged, _ts, _ts, window, pages)
        return unique_by_time(found, _ts, window)

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        """Open interest on the 5-minute grid in a window, base units.

        Exchanges keep it for a while and refuse to be asked for more; the start is moved accordingly. One
        that keeps none tells the value of this moment, at the 5 minutes that it lies in.
        """
        pages, step = self._dialect.interest, _INTEREST_STEP_MS
        if pages is None:
            return []
        await self._listed(symbol)
        now = await self._server_now()
        if pages.direction == "newest":
            return [
                point
                for point in [await self._interest_now(symbol)]
                if window.start_ms <= point.ts < window.end_ms
            ]
        oldest = 0 if pages.kept_ms is None else now - pages.kept_ms
        grid = Window(-(-max(window.start_ms, oldest) // step) * step, min(window.end_ms, now + 1))

        async def ask(page_start: int, page_end: int) -> list[OpenInterest]:
            async def told() -> list[OpenInterest]:
                answer = await self._client.fetch_open_interest_history(
                    symbol, "5m", page_start, pages.limit, pages.window(page_end)
                )
                return [self._interest_of(symbol, row, int(row["timestamp"])) for row in answer]

            return await self._request(f"open interest of {symbol}", told, "interest")

        found = await on_grid(ask, _ts, window=grid, step_ms=step, pages=pages)
        return [found[ts] for ts in sorted(found)]

    async def trades(self, symbol: str, window: Window) -> list[PublicTrade]:
        """Public trades in a window, oldest first, as far back as the exchange tells."""
        await self._listed(symbol)
        pages, size = self._dialect.trades, self._streams.quantity_size(symbol)

        async def ask(first: int, stop: int) -> list[PublicTrade]:
            async def told() -> list[PublicTrade]:
                answer = await self._client.fetch_trades(symbol, first, pages.limit, pages.window(stop))
                return [rows.trade_of(row, size, self._clock()) for row in answer]

            return await self._request(f"trades of {symbol}", told, "trades")

        return await by_time(ask, _ts, lambda trade: trade.trade_id, window, pages)

    async def book(self, symbol: str, depth: int) -> BookSnapshot:
        """Order book of at most ``depth`` levels a side, as it is now."""
        await self._listed(symbol)
        depths = self._dialect.book_depths
        asked = next((one for one in depths if one >= depth), depths[-1])

        async def told() -> BookSnapshot:
            answer = await self._client.fetch_order_book(symbol, asked)
            size = self._streams.quantity_size(symbol)
            return rows.book_of(answer, symbol, size, depth, self._clock())

        return await self._request(f"order book of {symbol}", told, "book")

    async def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        """Yield updates of the open 1-minute bars, for ever; reconnects by itself.

        A consumer that is slower than the stream gets each bar's newest state. Silence is the consumer's to
        notice: nothing is raised when the connection is lost.

        Raises
        ------
        ExchangeRefused
            If a symbol is not listed.
        """
        async for bar in self._watch("bars", symbols):
            yield bar

    async def watch_trades(self, symbols: Sequence[str]) -> AsyncIterator[PublicTrade]:
        """Yield public trades, for ever; what a lost connection swallowed is ``trades``' to fetch."""
        async for trade in self._watch("trades", symbols):
            yield trade

    async def watch_book_tops(self, symbols: Sequence[str]) -> AsyncIterator[BookTop]:
        """Yield best bid and ask whenever they change, for ever; a slow consumer gets the newest."""
        async for top in self._watch("book_tops", symbols):
            yield top

    async def watch_marks(self, symbols: Sequence[str]) -> AsyncIterator[MarkPrice]:
        """Yield mark prices, for ever; a slow consumer gets the newest."""
        async for mark in self._watch("marks", symbols):
            yield mark

    async def _watch(self, kind: str, symbols: Sequence[str]) -> AsyncIterator[Any]:
        await self._listed(*symbols)
        async for value in self._streams.follow(kind, symbols):
            yield value

    async def _price_points(self, asked: _Asked, window: Window) -> list[PricePoint]:
        pages = self._dialect.mark_bars
        if pages is None:
            return []
        raw = await self._raw_bars(asked, window, pages)
        return rows.price_points(raw, self._dialect.bar_columns, asked.what)

    async def _raw_bars(self, asked: _Asked, window: Window, pages: Pages) -> dict[int, Any]:
        symbol, timeframe, price = asked
        step, columns = timeframe_ms(timeframe), self._dialect.bar_columns
        await self._listed(symbol)
        told_end = floor_ms(await self._server_now(), step)
        if price:  # of these only the open is taken, which stands as soon as the bar is open
            told_end += step
        grid = Window(-(-window.start_ms // step) * step, min(window.end_ms, told_end))
        more = {"price": price} if price else {}

        async def ask(page_start: int, page_end: int) -> list[tuple[int, Any]]:
            async def told() -> list[tuple[int, Any]]:
                answer = await self._client.fetch_ohlcv(
                    symbol, timeframe, page_start, pages.limit, {**pages.window(page_end), **more}
                )
                return [(rows.bar_ts(row, columns), row) for row in answer]

            return await self._request(asked.what, told, "bars")

        found = await on_grid(ask, lambda row: row[0], window=grid, step_ms=step, pages=pages)
        return {ts: row for ts, (_, row) in found.items()}

    async def _interest_now(self, symbol: str) -> OpenInterest:
        async def told() -> OpenInterest:
            row = await self._client.fetch_open_interest(symbol)
            return self._interest_of(symbol, row, floor_ms(int(row["timestamp"]), _INTEREST_STEP_MS))

        return await self._request(f"open interest of {symbol}", told, "interest")

    def _interest_of(self, symbol: str, row: dict[str, Any], ts: int) -> OpenInterest:
        market = self._client.markets[symbol]
        size = float(market["contractSize"] or 1) if self._dialect.interest_in_contracts else 1.0
        return OpenInterest(ts, float(row["openInterestAmount"]) * size)

    async def _listed(self, *symbols: str) -> None:
        await self.connect()
        for symbol in symbols:
            if symbol not in self._client.markets:
                raise ExchangeRefused(unknown_name("symbol", symbol, self._client.markets))

    async def _server_now(self) -> int:
        if not self._server_clock.is_valid():
            now = await self.server_time()
            self._server_clock.set(now)
            self._client.ahead_ms += now - self._client.milliseconds()
        return self._server_clock.now_ms()


def _ts(value: Any) -> int:
    return int(value.ts)
