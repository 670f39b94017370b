"""``MarketSource`` over ccxt: pages history, keeps the open bar out, listens to streams."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Self

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable, unknown_name
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms, timeframe_ms
from quant_pipelines.exchange.client import connect
from quant_pipelines.exchange.errors import translated
from quant_pipelines.exchange.live_bars import stream_bars
from quant_pipelines.exchange.market_source import (
    FundingRate,
    LiveBar,
    OpenInterest,
    empty_rows,
)
from quant_pipelines.exchange.retry import Backoff, WeightBudget, with_backoff
from quant_pipelines.exchange.server_clock import ServerClock

logger = logging.getLogger(__name__)

_BARS_PER_PAGE = 1500
_FUNDING_PER_PAGE = 1000
_INTEREST_PER_PAGE = 500
_INTEREST_STEP_MS = 5 * MINUTE_MS
_INTEREST_DAYS_KEPT = 30
_DEFAULT_FUNDING_HOURS = 8
# Public data don't tell the highest leverage; every USDT perpetual of the exchange grants at least this.
_DEFAULT_LEVERAGE = 20


class CcxtSource:
    """Market data of Binance USDⓈ-M through ccxt.

    Parameters
    ----------
    settings
        Exchange id, address of a simulated venue if any, requests in flight.
    clock
        Milliseconds UTC; stamps what streams deliver.
    backoff
        Patience with transient failures.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        *,
        clock: Clock = system_clock_ms,
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._budget = WeightBudget(settings.max_concurrent_requests, clock)
        self._client: Any = connect(settings)
        self._markets_loading = asyncio.Lock()
        self._server_clock = ServerClock(clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Free connections."""
        await self._client.close()

    async def server_time(self) -> int:
        """Exchange's clock, milliseconds UTC."""
        answer = await self._request("server time", self._client.fapiPublicGetTime, {}, weight=1)
        return int(answer["serverTime"])

    async def instruments(self) -> list[Instrument]:
        """Linear USDT perpetuals that are trading, by symbol."""
        await self._load_markets()
        rows = await self._request("funding intervals", self._client.fapiPublicGetFundingInfo, {}, weight=1)
        hours = {row["symbol"]: int(row["fundingIntervalHours"]) for row in rows}
        return [
            _instrument(self._settings.id, market, hours.get(market["id"], _DEFAULT_FUNDING_HOURS))
            for _, market in sorted(self._client.markets.items())
            if market["swap"] and market["linear"] and market["active"] and market["settle"] == "USDT"
        ]

    async def bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> BarRows:
        """Return closed bars with open times in ``[start_ms, end_ms)``, sorted, without duplicates.

        A bar counts as closed by the exchange's clock at the time of asking, so a page never ends in the bar
        that is still trading.

        Raises
        ------
        ExchangeUnavailable
            If the exchange does not answer, repeats included.
        ExchangeRefused
            If it refuses, or does not list the symbol.
        """
        step = timeframe_ms(timeframe)
        market_id = await self._market_id(symbol)
        closed_end = floor_ms(await self._server_now(), step)
        first, end = -(-start_ms // step) * step, min(end_ms, closed_end)
        pages = [
            {
                "symbol": market_id,
                "interval": timeframe,
                "startTime": page_start,
                "endTime": min(page_start + _BARS_PER_PAGE * step, end) - 1,
                "limit": _BARS_PER_PAGE,
            }
            for page_start in range(first, end, _BARS_PER_PAGE * step)
        ]
        what = f"{timeframe} bars of {symbol}"
        answers = await asyncio.gather(
            *(self._request(what, self._client.fapiPublicGetKlines, page, weight=10) for page in pages)
        )
        return _rows([row for answer in answers for row in answer], first, end, what)

    async def funding_rates(self, symbol: str, start_ms: int, end_ms: int) -> list[FundingRate]:
        """Funding paid in ``[start_ms, end_ms)`` by slot, sorted."""
        market_id = await self._market_id(symbol)
        rates: dict[int, FundingRate] = {}
        page_start = start_ms
        while page_start < end_ms:
            rows = await self._request(
                f"funding rates of {symbol}",
                self._client.fapiPublicGetFundingRate,
                {
                    "symbol": market_id,
                    "startTime": page_start,
                    "endTime": end_ms - 1,
                    "limit": _FUNDING_PER_PAGE,
                },
                weight=1,
            )
            rates |= {rate.ts: rate for rate in map(_funding_rate, rows)}
            if len(rows) < _FUNDING_PER_PAGE:
                break
            page_start = int(rows[-1]["fundingTime"]) + 1
        return [rates[ts] for ts in sorted(rates) if start_ms <= ts < end_ms]

    async def open_interest(self, symbol: str, start_ms: int, end_ms: int) -> list[OpenInterest]:
        """Open interest on the 5-minute grid in ``[start_ms, end_ms)``, base units.

        The exchange keeps 30 days and refuses to be asked for more; the start is moved accordingly.
        """
        market_id = await self._market_id(symbol)
        now = await self._server_now()
        oldest = now - _INTEREST_DAYS_KEPT * DAY_MS + HOUR_MS
        step = _INTEREST_STEP_MS
        first, end = -(-max(start_ms, oldest) // step) * step, min(end_ms, now + 1)
        pages = [
            {
                "symbol": market_id,
                "period": "5m",
                "startTime": page_start,
                "endTime": min(page_start + _INTEREST_PER_PAGE * step, end) - 1,
                "limit": _INTEREST_PER_PAGE,
            }
            for page_start in range(first, end, _INTEREST_PER_PAGE * step)
        ]
        what = f"open interest of {symbol}"
        answers = await asyncio.gather(
            *(self._request(what, self._client.fapiDataGetOpenInterestHist, page, weight=1) for page in pages)
        )
        found = {int(row["timestamp"]): float(row["sumOpenInterest"]) for page in answers for row in page}
        return [OpenInterest(ts, found[ts]) for ts in sorted(found) if start_ms <= ts < end_ms]

    async def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        """Yield updates of the open 1-minute bars, for ever; reconnects by itself.

        A consumer that is slower than the stream gets each bar's newest state. Silence is the consumer's to
        notice: nothing is raised when the connection is lost.

        Raises
        ------
        ExchangeRefused
            If a symbol is not listed.
        """
        await self._load_markets()
        for symbol in symbols:
            await self._market_id(symbol)
        async for bar in stream_bars(self._client, symbols, self._clock):
            yield bar

    async def _request(
        self,
        what: str,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        parameters: dict[str, Any],
        *,
        weight: int,
    ) -> Any:
        async def once() -> Any:
            async with self._budget:
                await self._budget.admit(weight)
                try:
                    with translated(what):
                        answer = await call(dict(parameters))
                finally:
                    self._budget.observe(self._client.last_response_headers or {})
            if not isinstance(answer, (dict, list)):  # ccxt hands on a cut or empty body as text
                raise ExchangeUnavailable(f"exchange answered {what} with a body that is not JSON")
            return answer

        return await with_backoff(once, self._backoff)

    async def _load_markets(self) -> None:
        async with self._markets_loading:
            if self._client.markets:
                return
            info = await self._request("limits", self._client.fapiPublicGetExchangeInfo, {}, weight=1)
            for limit in info.get("rateLimits", []):
                if limit["rateLimitType"] == "REQUEST_WEIGHT" and limit["interval"] == "MINUTE":
                    self._budget.limit = int(limit["limit"]) // int(limit["intervalNum"])
            await self._request("instruments", lambda _: self._client.load_markets(), {}, weight=1)

    async def _market_id(self, symbol: str) -> str:
        await self._load_markets()
        if symbol not in self._client.markets:
            raise ExchangeRefused(unknown_name("symbol", symbol, self._client.markets))
        return str(self._client.markets[symbol]["id"])

    async def _server_now(self) -> int:
        if not self._server_clock.is_valid():
            self._server_clock.set(await self.server_time())
        return self._server_clock.now_ms()


def _instrument(exchange: str, market: dict[str, Any], funding_interval_hours: int) -> Instrument:
    filters = {one["filterType"]: one for one in market["info"]["filters"]}
    return Instrument(
        exchange=exchange,
        symbol=market["symbol"],
        tick_size=Decimal(filters["PRICE_FILTER"]["tickSize"]).normalize(),
        lot_size=Decimal(filters["LOT_SIZE"]["stepSize"]).normalize(),
        min_notional=Decimal(filters["MIN_NOTIONAL"]["notional"]),
        maker_fee=Decimal(str(market["maker"])),
        taker_fee=Decimal(str(market["taker"])),
        max_leverage=int(market["limits"]["leverage"]["max"] or _DEFAULT_LEVERAGE),
        funding_interval_hours=funding_interval_hours,
    )


def _funding_rate(row: dict[str, Any]) -> FundingRate:
    mark = row.get("markPrice")
    return FundingRate(
        ts=floor_ms(int(row["fundingTime"]), HOUR_MS),
        rate=float(row["fundingRate"]),
        mark_price=float(mark) if mark else None,
    )


def _rows(raw: list[list[Any]], first_ms: int, end_ms: int, what: str) -> BarRows:
    if not raw:
        return empty_rows()
    try:
        ts, opened, high, low, close, volume, _, quote_volume, trades = (
            np.array(column, dtype=np.float64) for column in list(zip(*raw, strict=True))[:9]
        )
    except (ValueError, TypeError) as error:
        raise ExchangeUnavailable(f"exchange answered {what} with rows that are not bars: {error}") from error
    times = ts.astype(np.int64)
    times, order = np.unique(times, return_index=True)
    inside = (times >= first_ms) & (times < end_ms)
    times, order = times[inside], order[inside]
    return BarRows(
        ts=times,
        open=opened[order],
        high=high[order],
        low=low[order],
        close=close[order],
        volume=volume[order],
        quote_volume=quote_volume[order],
        trades=trades[order].astype(np.int64),
    )
