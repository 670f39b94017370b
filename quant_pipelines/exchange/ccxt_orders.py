"""``OrderVenue`` over ccxt: Binance USDⓈ-M orders, stops, trades and the user's stream.

Orders go through ccxt's own ``create_order``; reads use its raw endpoints, whose numbers are still text, so
that no amount passes through a float.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any, Self

from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import (
    ConfigurationError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
    StopWouldTrigger,
    unknown_name,
)
from quant_pipelines.core.orders import Side
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.client import OpenSession, connect
from quant_pipelines.exchange.errors import translated
from quant_pipelines.exchange.retry import WeightBudget
from quant_pipelines.exchange.server_clock import ServerClock, loop_seconds
from quant_pipelines.exchange.user_stream import follow_user_stream
from quant_pipelines.exchange.venue_rows import (
    PAYMENT_KINDS,
    balance_of,
    income_of,
    order_of,
    payment_of,
    permissions_of,
    stop_of,
    trade_of,
)
from quant_pipelines.exchange.weight import Allowance
from quant_pipelines.trading.certificate import KeyPermissions
from quant_pipelines.trading.funds import Balance, IncomeRow
from quant_pipelines.trading.venue import (
    RECEIVE_WINDOW_MS,
    MarketOrder,
    Payment,
    StopOrder,
    VenueEvent,
    VenueOrder,
    VenueStop,
    VenueTrade,
)

DEMO_KEY = "demo"
_TRADES_PER_PAGE = 1000
_INCOME_PER_PAGE = 1000
_LARGEST_ANSWER_SECONDS = 5.0
_SOON_SECONDS = 1.0
"""A read that failed within this is tried again; a venue that is silent for longer is away. As long is waited
for a first answer, and for an order's: a lost one must not keep what was filled from being covered."""
_NOT_FOUND = ("-2013", "-2011")
_ALREADY_SO = ("-4059", "-4046")
_WOULD_TRIGGER = "-2021"
_SELF_TRADE_PREVENTION = "EXPIRE_MAKER"
"""Said with every order, whatever the account's default is: of two of ours the one that rests goes."""

_Parameters = dict[str, Any]


class CcxtOrders:
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
        self._clock = ServerClock(clock)

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
            answer = await self._ask("server time", self._client.fapiPublicGetTime, {}, weight=1)
            self._clock.set(int(answer["serverTime"]))
            self._client.options["timeDifference"] = self._client.milliseconds() - self._clock.now_ms()
        return self._clock.now_ms()

    async def permissions(self) -> KeyPermissions:
        """Tell what the key may do."""
        call = self._client.sapiGetAccountApiRestrictions
        return permissions_of(await self._ask("permissions of the key", call, {}, weight=1))

    async def prepare(self, symbol: str, leverage: int) -> None:
        """Set and verify one-way mode, cross margin and leverage.

        Raises
        ------
        ExchangeRefused
            If the venue does not take them, or keeps others.
        """
        market_id, client = await self._id(symbol), self._client
        mode = await self._ask("position mode", client.fapiPrivateGetPositionSideDual, {}, weight=30)
        if mode["dualSidePosition"]:
            await self._set(
                "one-way mode", client.fapiPrivatePostPositionSideDual, {"dualSidePosition": "false"}
            )
        config = await self._symbol_config(market_id)
        if config["marginType"] != "CROSSED":
            wanted = {"symbol": market_id, "marginType": "CROSSED"}
            await self._set(f"cross margin of {symbol}", client.fapiPrivatePostMarginType, wanted)
        if int(config["leverage"]) != leverage:
            wanted = {"symbol": market_id, "leverage": str(leverage)}
            await self._set(f"leverage of {symbol}", client.fapiPrivatePostLeverage, wanted)
        mode = await self._ask("position mode", client.fapiPrivateGetPositionSideDual, {}, weight=30)
        config = await self._symbol_config(market_id)
        found = (bool(mode["dualSidePosition"]), config["marginType"], int(config["leverage"]))
        if found != (False, "CROSSED", leverage):
            raise ExchangeRefused(
                f"{symbol} has hedge mode {found[0]}, margin {found[1]}, leverage {found[2]}; "
                f"expected False, CROSSED, {leverage}"
            )

    async def send(self, order: MarketOrder) -> VenueOrder:
        """Send a market order."""
        params = {
            "newClientOrderId": order.client_order_id,
            "selfTradePreventionMode": _SELF_TRADE_PREVENTION,
            "timestamp": order.stamp_ms,
            "recvWindow": RECEIVE_WINDOW_MS,
        }
        if order.reduce_only:
            params["reduceOnly"] = True
        quantity = format(order.quantity, "f")
        answer = await self._order(order.symbol, "market", order.side, quantity, params)
        return order_of(answer)

    async def place_stop(self, stop: StopOrder) -> None:
        """Place a protective stop; ``find_stop`` proves that it stands."""
        params = {
            "clientAlgoId": stop.client_order_id,
            "selfTradePreventionMode": _SELF_TRADE_PREVENTION,
            "triggerPrice": format(stop.trigger_price, "f"),
            "closePosition" if stop.quantity is None else "reduceOnly": True,
            "timestamp": stop.stamp_ms,
            "recvWindow": RECEIVE_WINDOW_MS,
        }
        quantity = None if stop.quantity is None else format(stop.quantity, "f")
        kind = "TAKE_PROFIT_MARKET" if stop.takes_profit else "STOP_MARKET"
        try:
            await self._order(stop.symbol, kind, stop.side, quantity, params)
        except ExchangeRefused as error:
            if _WOULD_TRIGGER in str(error):
                raise StopWouldTrigger(str(error)) from error
            raise

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        """Cancel a stop; that there is none (any more) is fine, and proves nothing."""
        await self._id(symbol)
        what, params = f"cancel of stop {client_order_id}", {"clientAlgoId": client_order_id, "trigger": True}
        with contextlib.suppress(ExchangeRefused), translated(what, sends_order=True):
            await self._client.cancel_order(None, symbol, params)

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        """Order by either name; None if the venue knows none."""
        name = {"origClientOrderId": client_order_id} if client_order_id else {"orderId": venue_order_id}
        found = await self._find(symbol, self._client.fapiPrivateGetOrder, name)
        return order_of(found) if found else None

    async def find_stop(self, symbol: str, client_order_id: str) -> VenueStop | None:
        """Stop by our name; None if the venue knows none."""
        name = {"clientAlgoId": client_order_id}
        found = await self._find(symbol, self._client.fapiPrivateGetAlgoOrder, name)
        return stop_of(found) if found else None

    async def open_orders(self, symbol: str) -> list[VenueOrder]:
        """Orders that work at the venue, ours and others'."""
        rows = await self._rows(symbol, "open orders", self._client.fapiPrivateGetOpenOrders, {}, weight=1)
        return [order_of(row) for row in rows]

    async def open_stops(self, symbol: str) -> list[VenueStop]:
        """Conditional orders that wait at the venue, ours and others'."""
        call = self._client.fapiPrivateGetOpenAlgoOrders
        return [stop_of(row) for row in await self._rows(symbol, "open stops", call, {}, weight=1)]

    async def position(self, symbol: str) -> Decimal:
        """Net position, base, signed."""
        call = self._client.fapiPrivateV3GetPositionRisk
        rows = await self._rows(symbol, "position", call, {}, weight=5)
        return sum((Decimal(row["positionAmt"]) for row in rows), Decimal(0))

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        """Read fills from a trade id on (included), oldest first; without one, none but the newest."""
        call, found = self._client.fapiPrivateGetUserTrades, list[VenueTrade]()
        first = {"limit": 1} if from_id is None else {"fromId": from_id, "limit": _TRADES_PER_PAGE}
        while True:
            rows = await self._rows(symbol, "trades", call, first, weight=5)
            found += [trade_of(row) for row in rows]
            if from_id is None or len(rows) < _TRADES_PER_PAGE:
                return found
            first = {**first, "fromId": str(int(found[-1].trade_id) + 1)}

    async def payments(self, symbol: str, since_ms: int) -> list[Payment]:
        """Funding and costs of liquidations from a time on (included)."""
        call, found = self._client.fapiPrivateGetIncome, list[Payment]()
        for kind in PAYMENT_KINDS:
            wanted = {"incomeType": kind, "startTime": since_ms, "limit": _INCOME_PER_PAGE}
            for page in range(1, 1000):
                rows = await self._rows(symbol, "income", call, {**wanted, "page": page}, weight=30)
                found += [payment_of(row) for row in rows]
                if len(rows) < _INCOME_PER_PAGE:
                    break
        return found

    async def largest_market_order(self, symbol: str) -> Decimal | None:
        """Largest quantity of one market order, base; None where the venue names none."""
        await self._id(symbol)
        told = self._client.markets[symbol]["limits"]["market"]["max"]
        return Decimal(str(told)) if told else None

    async def balance(self) -> Balance:
        """Funds of the account."""
        answer = await self._ask("balance", self._client.fapiPrivateV3GetAccount, {}, weight=5)
        return balance_of(answer)

    async def income(self, start_ms: int, end_ms: int) -> list[IncomeRow]:
        """Read every change of the wallet in a window, oldest first."""
        found, call = list[IncomeRow](), self._client.fapiPrivateGetIncome
        wanted = {"startTime": start_ms, "endTime": end_ms - 1, "limit": _INCOME_PER_PAGE}
        for page in range(1, 1000):
            rows = await self._ask("income", call, {**wanted, "page": page}, weight=30)
            found += [income_of(row) for row in rows]
            if len(rows) < _INCOME_PER_PAGE:
                break
        return found

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        """Everything that the user's stream says of a symbol, losslessly, for ever."""
        market_id = await self._id(symbol)
        async for event in follow_user_stream(self._client, symbol, market_id):
            yield event

    async def _order(
        self, symbol: str, kind: str, side: Side, quantity: str | None, params: _Parameters
    ) -> _Parameters:
        """Send an order through ccxt, and prove that the answer is about it."""
        await self._id(symbol)
        name = params.get("newClientOrderId") or params["clientAlgoId"]
        try:
            with translated(f"order {name}", sends_order=True):
                async with asyncio.timeout(_SOON_SECONDS):
                    answer = await self._client.create_order(symbol, kind, side, quantity, None, params)
        except TimeoutError as error:
            raise OutcomeUnknown(
                f"exchange did not answer order {name} within {_SOON_SECONDS:g} s"
            ) from error
        told: _Parameters = answer["info"] if isinstance(answer["info"], dict) else {}
        if answer["id"] is None or name not in (told.get("clientOrderId"), told.get("clientAlgoId")):
            raise OutcomeUnknown(f"exchange answered order {name} with something that does not name it")
        return told

    async def _find(self, symbol: str, call: Any, name: _Parameters) -> _Parameters | None:
        what = f"order {next(iter(name.values()))}"
        try:
            found: _Parameters = await self._ask(
                what, call, {"symbol": await self._id(symbol), **name}, weight=1
            )
        except ExchangeRefused as error:
            if any(code in str(error) for code in _NOT_FOUND):
                return None
            raise
        return found

    async def _rows(
        self, symbol: str, what: str, call: Any, more: _Parameters, *, weight: int
    ) -> list[_Parameters]:
        rows = await self._ask(
            f"{what} of {symbol}", call, {"symbol": await self._id(symbol), **more}, weight=weight
        )
        return list(rows)

    async def _symbol_config(self, market_id: str) -> _Parameters:
        call = self._client.fapiPrivateGetSymbolConfig
        rows = await self._ask(f"settings of {market_id}", call, {"symbol": market_id}, weight=5)
        return dict(rows[0])

    async def _set(self, what: str, call: Any, parameters: _Parameters) -> None:
        try:
            await self._ask(what, call, parameters, weight=1)
        except ExchangeRefused as error:
            if not any(code in str(error) for code in _ALREADY_SO):
                raise

    async def _ask(
        self,
        what: str,
        call: Callable[[_Parameters], Awaitable[Any]],
        parameters: _Parameters,
        *,
        weight: int,
    ) -> Any:
        """Read, and again at once where an answer was lost: what is held may not be covered yet."""
        for patience, pause in ((_SOON_SECONDS, 0.05), (_LARGEST_ANSWER_SECONDS, 0.15)):
            begun = loop_seconds()
            try:
                async with asyncio.timeout(patience):
                    return await self._asked(what, call, parameters, weight=weight)
            except TimeoutError:
                continue
            except ExchangeUnavailable:
                if loop_seconds() - begun > _SOON_SECONDS:
                    raise
            await asyncio.sleep(pause)
        return await self._asked(what, call, parameters, weight=weight)

    async def _asked(
        self,
        what: str,
        call: Callable[[_Parameters], Awaitable[Any]],
        parameters: _Parameters,
        *,
        weight: int,
    ) -> Any:
        async with self._budget:
            await self._budget.admit(weight)
            try:
                with translated(what):
                    answer = await call(dict(parameters))
            finally:
                self._budget.observe(self._client.last_response_headers or {})
        if not isinstance(answer, (dict, list)):
            raise ExchangeUnavailable(f"exchange answered {what} with a body that is not JSON")
        return answer

    async def _load(self) -> None:
        async with self._loading:
            if not self._client.markets:
                with translated("instruments"):
                    await self._client.load_markets()
                await self.now_ms()

    async def _id(self, symbol: str) -> str:
        await self._load()
        if symbol not in self._client.markets:
            raise ExchangeRefused(unknown_name("symbol", symbol, self._client.markets))
        return str(self._client.markets[symbol]["id"])
