"""``OrderVenue`` over ccxt: what changes something at Binance USDⓈ-M, and the user's stream.

Stops go through ccxt's own ``create_order``; orders, as what it has no words for, to the raw endpoints.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from quant_pipelines.core.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OrderWouldTake,
    OutcomeUnknown,
    StopWouldTrigger,
)
from quant_pipelines.core.orders import Side
from quant_pipelines.exchange import venue_rows
from quant_pipelines.exchange.ccxt_reads import NOT_FOUND, SOON_SECONDS, CcxtReads, Parameters
from quant_pipelines.exchange.errors import has_code, translated
from quant_pipelines.exchange.order_request import order_request, send_order
from quant_pipelines.exchange.user_stream import follow_user_stream
from quant_pipelines.trading.modes import AccountModes
from quant_pipelines.trading.venue import (
    RECEIVE_WINDOW_MS,
    LimitOrder,
    MarketOrder,
    StopOrder,
    VenueEvent,
    VenueOrder,
)

_WOULD_TRIGGER = "-2021"
_WOULD_TAKE = "-5022"
_NO_CHANGE = "-5027"
_SELF_TRADE_PREVENTION = "EXPIRE_MAKER"
"""Said with every order, whatever the account's default is: of two of ours the one that rests goes."""

_log = logging.getLogger(__name__)


class CcxtOrders(CcxtReads):
    """One account that takes orders; arguments and errors of the constructor are those of `CcxtReads`."""

    async def modes(self) -> AccountModes:
        """Modes that the account is in."""
        return await self._settings.modes()

    async def settings_changed(self) -> None:
        """Return once settings of the account have changed."""
        await self._settings.changed()

    async def prepare(self, symbol: str, leverage: int) -> str:
        """Set and verify cross margin and leverage of a symbol; returns what was otherwise, in one clause."""
        return await self._settings.prepare(symbol, leverage)

    async def send(self, order: MarketOrder) -> VenueOrder:
        """Send an order that is done at once."""
        params = {"newClientOrderId": order.client_order_id, **_with_every(order)}
        if order.reduce_only:
            params["reduceOnly"] = True
        kind = "market"
        if order.limit_price is not None:
            kind, params["timeInForce"], params["price"] = "limit", "IOC", format(order.limit_price, "f")
        answer = await self._order(order.symbol, kind, order.side, format(order.quantity, "f"), params)
        return _taken(order.client_order_id, answer)

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        """Place a limit order."""
        params = {
            "newClientOrderId": order.client_order_id,
            "timeInForce": "GTX" if order.post_only else "GTC",
            "price": format(order.price, "f"),
            **_with_every(order),
        }
        if order.reduce_only:
            params["reduceOnly"] = True
        quantity = format(order.quantity, "f")
        try:
            answer = await self._order(order.symbol, "limit", order.side, quantity, params)
        except ExchangeRefused as error:
            if has_code(error, _WOULD_TAKE):
                raise OrderWouldTake(str(error)) from error
            raise
        return _taken(order.client_order_id, answer)

    async def amend(self, order: LimitOrder) -> None:
        """Change price and quantity of a post-only order; ``find_order`` tells what became of it.

        Notes
        -----
        The venue forgets the order's mode of self-trade prevention with that ("Modify order will set
        selfTradePreventionMode to NONE"); of an order that only ever makes, the taker's mode counts.
        """
        if not order.post_only:
            raise ExchangeRefused(
                f"order {order.client_order_id} may take; expected a post-only one, whose change keeps it "
                "from trading with ourselves"
            )
        wanted = {
            "symbol": await self._id(order.symbol),
            "origClientOrderId": order.client_order_id,
            "side": order.side.upper(),
            "quantity": format(order.quantity, "f"),
            "price": format(order.price, "f"),
            "timestamp": order.stamp_ms,
            "recvWindow": RECEIVE_WINDOW_MS,
        }
        try:
            async with _soon(f"change of order {order.client_order_id}"):
                await self._client.fapiPrivatePutOrder(wanted)
        except ExchangeRefused as error:
            if not has_code(error, *NOT_FOUND, _NO_CHANGE):
                raise

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        """Cancel an order; that there is none (any more) is fine, and proves nothing."""
        wanted = {"symbol": await self._id(symbol), "origClientOrderId": client_order_id}
        async with _canceling(f"cancel of order {client_order_id}"):
            await self._client.fapiPrivateDeleteOrder(wanted)

    async def place_stop(self, stop: StopOrder) -> None:
        """Place a stop, protective or of a strategy; ``find_stop`` proves that it stands."""
        params = {
            "clientAlgoId": stop.client_order_id,
            "triggerPrice": format(stop.trigger_price, "f"),
            "priceProtect": "FALSE",  # it must fire just when last and mark price part
            **_with_every(stop),
        }
        if stop.quantity is None:
            params["closePosition"] = True
        elif stop.reduce_only:
            params["reduceOnly"] = True
        quantity = None if stop.quantity is None else format(stop.quantity, "f")
        kind = "TAKE_PROFIT_MARKET" if stop.takes_profit else "STOP_MARKET"
        try:
            await self._order(stop.symbol, kind, stop.side, quantity, params)
        except ExchangeRefused as error:
            if has_code(error, _WOULD_TRIGGER):
                raise StopWouldTrigger(str(error)) from error
            raise

    async def cancel_entries_after(self, symbol: str, milliseconds: int) -> None:
        """Have the venue cancel all orders of a symbol unless this is said again in time; 0 ends that."""
        wanted = {"symbol": await self._id(symbol), "countdownTime": milliseconds}
        call = self._client.fapiPrivatePostCountdownCancelAll
        await self._ask(f"dead-man timer of {symbol}", call, wanted, weight=10)

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        """Cancel a stop; that there is none (any more) is fine, and proves nothing."""
        await self._id(symbol)
        what, params = f"cancel of stop {client_order_id}", {"clientAlgoId": client_order_id, "trigger": True}
        async with _canceling(what):
            await self._client.cancel_order(None, symbol, params)

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        """Everything that the user's stream says of a symbol, losslessly, for ever."""
        market_id = await self._id(symbol)
        async for event in follow_user_stream(self._client, symbol, market_id):
            yield event

    async def _order(
        self, symbol: str, kind: str, side: Side, quantity: str | None, params: Parameters
    ) -> Parameters:
        """Send an order through ccxt, and prove that the answer is about it."""
        await self._id(symbol)
        name = params.get("newClientOrderId") or params["clientAlgoId"]
        try:
            async with _soon(f"order {name}"):
                told = await self._told(symbol, kind, side, quantity, params)
        except ExchangeError as error:
            self._heed(error)
            if isinstance(error, ExchangeRefused):
                self._settings.note_refusal(error)
            raise
        number = told.get("orderId", told.get("algoId"))
        if number is None or name not in (told.get("clientOrderId"), told.get("clientAlgoId")):
            raise OutcomeUnknown(f"exchange answered order {name} with something that does not name it")
        return told

    async def _told(
        self, symbol: str, kind: str, side: Side, quantity: str | None, params: Parameters
    ) -> Parameters:
        """Return what the venue says to an order, as it says it."""
        if quantity is not None and "newClientOrderId" in params:
            words = {"side": side, "quantity": quantity, **params}
            request = order_request(self._client, symbol, kind, words)
            told = await send_order(self._client, request)
        else:
            told = (await self._client.create_order(symbol, kind, side, quantity, None, params))["info"]
        return told if isinstance(told, dict) else {}


@contextlib.asynccontextmanager
async def _soon(what: str) -> AsyncIterator[None]:
    """Send what changes something; who waits for its answer covers nothing meanwhile."""
    try:
        with translated(what, sends_order=True):
            async with asyncio.timeout(SOON_SECONDS):
                yield
    except TimeoutError as error:
        raise OutcomeUnknown(f"exchange did not answer {what} within {SOON_SECONDS:g} s") from error


@contextlib.asynccontextmanager
async def _canceling(what: str) -> AsyncIterator[None]:
    """Cancel; that it is refused proves nothing, and is told unless there was nothing to cancel."""
    try:
        async with _soon(what):
            yield
    except ExchangeRefused as error:
        if not has_code(error, *NOT_FOUND):
            _log.warning("%s", error)


def _taken(name: str, answer: Parameters) -> VenueOrder:
    """Read the answer to an order that the venue has taken: what can't be read of it is looked up."""
    try:
        return venue_rows.order_of(answer)
    except ExchangeUnavailable as error:
        raise OutcomeUnknown(f"exchange took order {name}, and {error}") from error


def _with_every(order: MarketOrder | LimitOrder | StopOrder) -> Parameters:
    """Return what is said with every order."""
    return {
        "selfTradePreventionMode": _SELF_TRADE_PREVENTION,
        "timestamp": order.stamp_ms,
        "recvWindow": RECEIVE_WINDOW_MS,
    }
