"""What an account at Binance USDⓈ-M has, over ccxt: funds, orders, stops, trades, best prices.

Its raw endpoints are used, whose numbers are still text, so that no amount passes through a float.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Self, TypeVar

from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import (
    ConfigurationError,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    unknown_name,
)
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange import venue_rows
from quant_pipelines.exchange.account_settings import AccountSettings
from quant_pipelines.exchange.client import OpenSession, connect
from quant_pipelines.exchange.errors import translated
from quant_pipelines.exchange.retry import WeightBudget
from quant_pipelines.exchange.server_clock import ServerClock
from quant_pipelines.exchange.venue_limits import brackets_of, read_limits
from quant_pipelines.exchange.venue_rows import each
from quant_pipelines.exchange.weight import Allowance
from quant_pipelines.trading.certificate import KeyPermissions
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.funds import Balance, IncomeRow
from quant_pipelines.trading.venue import (
    RECEIVE_WINDOW_MS,
    AccountPosition,
    Payment,
    Touch,
    VenueOrder,
    VenueStop,
    VenueTrade,
)
from quant_pipelines.trading.venue_limits import VenueLimits

DEMO_KEY = "demo"
_TRADES_PER_PAGE = 1000
_INCOME_PER_PAGE = 1000
_LARGEST_ANSWER_SECONDS = 5.0
SOON_SECONDS = 1.0
"""As long is waited for an answer before it is asked for again, and for what became of an order: a lost one
must not keep what was filled from being covered.
"""
_TIME = "server time"
_WRONG_STAMP = "-1021"
NOT_FOUND = ("-2013", "-2011")
"""What the venue says of an order that it does not know, or does not have open."""

Parameters = dict[str, Any]
Told = TypeVar("Told")


def _as_it_is(answer: Any) -> Any:
    if not isinstance(answer, dict | list):
        raise TypeError(f"{type(answer).__name__}; expected an object or a list")
    return answer


class CcxtReads:
    """One account at Binance USDⓈ-M, or at a venue that speaks like it.

    Parameters
    ----------
    settings
        Exchange id, and address of a simulated venue if any.
    key, secret
        API key; empty at a simulated venue means its demo key.
    clock
        Milliseconds UTC.
    ledger
        Request budget shared with other processes; None counts alone.
    open_session
        Opens what requests and streams go through; None is ccxt's own way.

    Raises
    ------
    ConfigurationError
        If there is no key for a real exchange.

    Notes
    -----
    Orders may use all of the exchange's allowance, market data leave a part of it to them.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        key: str,
        secret: str,
        *,
        clock: Clock = system_clock_ms,
        ledger: RateLedger | None = None,
        open_session: OpenSession | None = None,
    ) -> None:
        if not (key and secret) and settings.base_url is None:
            raise ConfigurationError(
                f"no API key for {settings.id}; expected 'quant keys add', or QUANT_API_KEY and "
                "QUANT_API_SECRET in the environment"
            )
        self._client: Any = connect(settings, clock, open_session)
        self._client.apiKey, self._client.secret = key or DEMO_KEY, secret or DEMO_KEY
        self._client.timeout = int(_LARGEST_ANSWER_SECONDS * 1000)
        self._client.options |= {"recvWindow": RECEIVE_WINDOW_MS, "adjustForTimeDifference": True}
        self._budget = WeightBudget(
            settings.max_concurrent_requests, clock, ledger=ledger, allowance=Allowance(share=1.0)
        )
        self._loading = asyncio.Lock()
        self._settings = AccountSettings(self._client, self._ask, self._id)
        self._clock = ServerClock(clock)
        self._is_doubted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Free connections."""
        await self._client.close()

    async def now_ms(self) -> int:
        """Tell the venue's time, never ahead of its clock."""
        if not self._clock.is_valid():
            call = self._client.fapiPublicGetTime
            self._clock.set(
                await self._ask(_TIME, call, {}, weight=1, read=lambda row: int(row["serverTime"]))
            )
            self._is_doubted = False
            self._client.options["timeDifference"] = self._client.milliseconds() - self._clock.now_ms()
        return self._clock.now_ms()

    async def permissions(self) -> KeyPermissions:
        """Tell what the key may do."""
        call = self._client.sapiGetAccountApiRestrictions
        return await self._ask("permissions of the key", call, {}, weight=1, read=venue_rows.permissions_of)

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        """Order by either name; None if the venue knows none."""
        name = {"origClientOrderId": client_order_id} if client_order_id else {"orderId": venue_order_id}

        def read(row: Parameters) -> VenueOrder:
            found = venue_rows.order_of(row)
            told = found.client_order_id if client_order_id else found.venue_order_id
            return venue_rows.proven(found, told, client_order_id or venue_order_id)

        return await self._find(symbol, self._client.fapiPrivateGetOrder, name, read)

    async def find_stop(self, symbol: str, client_order_id: str) -> VenueStop | None:
        """Stop by our name; None if the venue knows none."""

        def read(row: Parameters) -> VenueStop:
            found = venue_rows.stop_of(row)
            return venue_rows.proven(found, found.client_order_id, client_order_id)

        name = {"clientAlgoId": client_order_id}
        return await self._find(symbol, self._client.fapiPrivateGetAlgoOrder, name, read)

    async def open_orders(self, symbol: str) -> list[VenueOrder]:
        """Orders that work at the venue, ours and others'."""
        call, read = self._client.fapiPrivateGetOpenOrders, venue_rows.order_of
        wanted = await self._of(symbol, {})
        return await self._ask(f"open orders of {symbol}", call, wanted, weight=1, read=partial(each, read))

    async def open_stops(self, symbol: str) -> list[VenueStop]:
        """Conditional orders that wait at the venue, ours and others'."""
        call, read = self._client.fapiPrivateGetOpenAlgoOrders, venue_rows.stop_of
        wanted = await self._of(symbol, {})
        return await self._ask(f"open stops of {symbol}", call, wanted, weight=1, read=partial(each, read))

    async def holdings(self, symbol: str | None = None) -> list[AccountPosition]:
        """Positions that are not zero, of one symbol or of all."""
        await self._load()
        wanted = {} if symbol is None else {"symbol": await self._id(symbol)}

        def read(row: Parameters) -> AccountPosition:
            return venue_rows.position_of(row, self._symbol(row["symbol"]))

        call = self._client.fapiPrivateV3GetPositionRisk
        held = await self._ask("positions", call, wanted, weight=5, read=partial(each, read))
        return [one for one in held if one.quantity]

    async def position(self, symbol: str) -> AccountPosition:
        """Net position; one of zero where nothing is held."""
        return venue_rows.net_position(symbol, await self.holdings(symbol))

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        """Read fills from a trade id on (included), oldest first; without one, none but the newest."""
        call, found = self._client.fapiPrivateGetUserTrades, list[VenueTrade]()
        read = partial(each, venue_rows.trade_of)
        first = {"limit": 1} if from_id is None else {"fromId": from_id, "limit": _TRADES_PER_PAGE}
        while True:
            wanted = await self._of(symbol, first)
            rows = await self._ask(f"trades of {symbol}", call, wanted, weight=5, read=read)
            found += rows
            if from_id is None or len(rows) < _TRADES_PER_PAGE:
                return found
            first = {**first, "fromId": str(int(found[-1].trade_id) + 1)}

    async def payments(self, symbol: str, since_ms: int) -> list[Payment]:
        """Funding and costs of liquidations from a time on (included)."""
        call, found = self._client.fapiPrivateGetIncome, list[Payment]()
        read = partial(each, venue_rows.payment_of)
        for kind in venue_rows.PAYMENT_KINDS:
            kinds = {"incomeType": kind, "startTime": since_ms, "limit": _INCOME_PER_PAGE}
            wanted = await self._of(symbol, kinds)
            for page in range(1, 1000):
                asked = {**wanted, "page": page}
                rows = await self._ask(f"income of {symbol}", call, asked, weight=30, read=read)
                found += rows
                if len(rows) < _INCOME_PER_PAGE:
                    break
        return found

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        """Tell what the venue takes of an order that closes."""
        await self._id(symbol)
        return venue_rows.closing_terms_of(self._client.markets[symbol])

    async def limits(self, symbols: Iterable[str]) -> list[VenueLimits]:
        """Read what the venue takes of symbols now; what is rounded and cut follows it from then on."""
        return await read_limits(self._client, self._ask, symbols)

    async def brackets(self, symbol: str) -> tuple[Bracket, ...]:
        """Read the maintenance brackets of a symbol, lowest first."""
        call, wanted = self._client.fapiPrivateGetLeverageBracket, await self._of(symbol, {})
        return await self._ask(f"brackets of {symbol}", call, wanted, weight=1, read=brackets_of)

    async def touch(self, symbol: str) -> Touch:
        """Read the best prices now."""
        wanted = {"symbol": await self._id(symbol)}
        call = self._client.fapiPublicGetTickerBookTicker
        return await self._ask(f"best prices of {symbol}", call, wanted, weight=2, read=venue_rows.touch_of)

    async def balance(self) -> Balance:
        """Funds of the account."""
        call = self._client.fapiPrivateV3GetAccount
        return await self._ask("balance", call, {}, weight=5, read=venue_rows.balance_of)

    async def income(self, start_ms: int, end_ms: int) -> list[IncomeRow]:
        """Read every change of the wallet in a window, oldest first."""
        found, call = list[IncomeRow](), self._client.fapiPrivateGetIncome
        wanted = {"startTime": start_ms, "endTime": end_ms - 1, "limit": _INCOME_PER_PAGE}
        read = partial(each, venue_rows.income_of)
        for page in range(1, 1000):
            rows = await self._ask("income", call, {**wanted, "page": page}, weight=30, read=read)
            found += rows
            if len(rows) < _INCOME_PER_PAGE:
                break
        return found

    async def _find(
        self, symbol: str, call: Any, name: Parameters, read: Callable[[Parameters], Told]
    ) -> Told | None:
        """Order by a name; only the venue's own word that it knows none is a proof of that."""
        what, wanted = f"order {next(iter(name.values()))}", await self._of(symbol, name)
        try:
            return await self._ask(what, call, wanted, weight=1, read=read)
        except ExchangeRefused as error:
            if any(code in str(error) for code in NOT_FOUND):
                return None
            raise

    async def _of(self, symbol: str, more: Parameters) -> Parameters:
        return {"symbol": await self._id(symbol), **more}

    async def _ask(
        self,
        what: str,
        call: Callable[[Parameters], Awaitable[Any]],
        parameters: Parameters,
        *,
        weight: int,
        read: Callable[[Any], Told] = _as_it_is,
    ) -> Told:
        """Read, and again at once where an answer was lost: what is held may not be covered yet.

        Two that are lost in a row, or can't be read, cost two seconds; the third try waits for as long as the
        largest answer takes, so that a read ends after seven, without the time that the budget holds it back.
        """
        if self._is_doubted and what != _TIME:
            await self.now_ms()
        asking = partial(self._asked, what, call, parameters, weight=weight, read=read)
        for pause in (0.05, 0.15):
            try:
                async with asyncio.timeout(SOON_SECONDS):
                    return await asking()
            except TimeoutError:
                continue  # it was lost, or is large
            except ExchangeUnavailable:
                await asyncio.sleep(pause)
        return await asking()

    async def _asked(
        self,
        what: str,
        call: Callable[[Parameters], Awaitable[Any]],
        parameters: Parameters,
        *,
        weight: int,
        read: Callable[[Any], Told],
    ) -> Told:
        async with self._budget:
            await self._budget.admit(weight)
            try:
                with translated(what):
                    return read(await call(dict(parameters)))
            except ExchangeError as error:
                self._heed(error)
                raise
            finally:
                self._budget.observe(self._client.take_headers())

    def _heed(self, error: ExchangeError) -> None:
        """Ask for the venue's time anew once a stamp was refused: our clock was set by a little."""
        if _WRONG_STAMP in str(error):
            self._clock.doubt()
            self._is_doubted = True

    async def _load(self) -> None:
        async with self._loading:
            if not self._client.markets:
                with translated("instruments"):
                    await self._client.load_markets()
                await self.now_ms()

    def _symbol(self, market_id: str) -> str:
        """Our name of a market; the venue's own where it trades something that we know nothing of."""
        known = self._client.markets_by_id.get(market_id)
        return str(known[0]["symbol"]) if known else market_id

    async def _id(self, symbol: str) -> str:
        await self._load()
        if symbol not in self._client.markets:
            raise ExchangeRefused(unknown_name("symbol", symbol, self._client.markets))
        return str(self._client.markets[symbol]["id"])
