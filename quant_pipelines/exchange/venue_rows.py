"""Binance's rows of orders, trades and income as our values: REST documents, and the user stream's events."""

import contextlib
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.trading.certificate import KeyPermissions
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.funds import Balance, IncomeRow
from quant_pipelines.trading.venue import (
    AccountPosition,
    OrderUpdate,
    Payment,
    StopUpdate,
    Touch,
    VenueEvent,
    VenueOrder,
    VenueStop,
    VenueTrade,
)

_BOTH = "BOTH"
_NONE = Decimal("NaN")
_SIDES: dict[str, Side] = {"BUY": "buy", "SELL": "sell"}
_ORDER_STATUS: dict[str, OrderStatus] = {
    "NEW": "ACCEPTED",
    "NEW_INSURANCE": "ACCEPTED",
    "NEW_ADL": "ACCEPTED",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
}
# A stop that has sent its order tells nothing about fills: how it ends is told by that order alone.
_STOP_STATUS: dict[str, OrderStatus] = {
    "NEW": "ACCEPTED",
    "TRIGGERING": "TRIGGERED",
    "TRIGGERED": "TRIGGERED",
    "FINISHED": "TRIGGERED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
}
_FLAGS = {"true": True, "false": False}
_TRANSFERS = ("enableInternalTransfer", "permitsUniversalTransfer")
_FILLS = ("TRADE", "CALCULATED")
_PROFIT_KIND = "TAKE_PROFIT"
PAYMENT_KINDS = {"FUNDING_FEE": "funding", "INSURANCE_CLEAR": "insurance"}
"""Income that no fill tells, by the venue's word for it."""
_SWEPT_EVENTS = ("listenKeyExpired", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL")
_Row = dict[str, Any]
_Told = TypeVar("_Told")
_Word = TypeVar("_Word", Side, OrderStatus)

logger = logging.getLogger(__name__)


def each(read: Callable[[_Row], _Told], rows: Any) -> list[_Told]:
    """Read every row of a REST answer; another document than a list is no empty one."""
    if not isinstance(rows, list):
        raise ExchangeUnavailable(f"exchange told {type(rows).__name__} {str(rows)[:80]}; expected a list")
    return [read(row) for row in rows]


def proven(found: _Told, told: str, asked: str) -> _Told:
    """Return what was found, if it is what was asked for."""
    if told != asked:
        raise ExchangeUnavailable(f"exchange told of order {told!r}; expected {asked!r}")
    return found


def order_of(row: _Row) -> VenueOrder:
    """Order of a REST answer."""
    return VenueOrder(
        _text(row, "clientOrderId"),
        _text(row, "orderId"),
        _word(_ORDER_STATUS, row.get("status")),
        _number(row, "executedQty"),
        _number(row, "price"),
    )


def touch_of(row: _Row) -> Touch:
    """Best prices of a REST answer."""
    return Touch(_number(row, "bidPrice"), _number(row, "askPrice"))


def position_of(row: _Row, symbol: str) -> AccountPosition:
    """Position of a REST answer; a price of nothing is none."""
    return AccountPosition(
        symbol,
        _number(row, "positionAmt"),
        row.get("positionSide") != _BOTH,
        _price(row, "markPrice"),
        _price(row, "liquidationPrice"),
        _number_or_nothing(row, "isolatedMargin"),
    )


def net_position(symbol: str, held: list[AccountPosition]) -> AccountPosition:
    """Position of a symbol of everything that is held of it: more than one only in hedge mode."""
    if len(held) == 1:
        return held[0]
    quantity = sum((one.quantity for one in held), Decimal(0))
    return AccountPosition(symbol, quantity, bool(held), next((one.mark_price for one in held), None))


def closing_terms_of(market: _Row) -> ClosingTerms:
    """Return what a market, as ccxt knows it, takes of an order that closes."""
    tick_size, largest = market["precision"]["price"], market["limits"]["market"]["max"]
    return ClosingTerms(Decimal(str(tick_size)), Decimal(str(largest)) if largest else None)


def stop_of(row: _Row) -> VenueStop:
    """Conditional order of a REST answer."""
    return VenueStop(
        _text(row, "clientAlgoId"),
        _text(row, "algoId"),
        _word(_SIDES, row.get("side")),
        _number_or_nothing(row, "triggerPrice"),
        bool(row.get("closePosition")),
        _word(_STOP_STATUS, row.get("algoStatus")),
        str(row.get("actualOrderId") or ""),
        _number_or_nothing(row, "quantity"),
        str(row.get("orderType")).startswith(_PROFIT_KIND),
        str(row.get("priceProtect")).lower() == "true",
    )


def trade_of(row: _Row) -> VenueTrade:
    """Fill of a REST answer, which does not tell our name of the order."""
    return VenueTrade(
        _text(row, "id"),
        _text(row, "orderId"),
        "",
        _word(_SIDES, row.get("side")),
        _number(row, "qty"),
        _number(row, "price"),
        _number(row, "commission"),
        int(_number(row, "time")),
        _number(row, "realizedPnl"),
    )


def payment_of(row: _Row) -> Payment:
    """Income of a REST answer."""
    return Payment(int(row["time"]), _number(row, "income"), PAYMENT_KINDS[row["incomeType"]])


def balance_of(row: _Row) -> Balance:
    """Funds of an account, of a REST answer; totals are in USDT while one asset is the only margin."""
    return Balance(
        _number(row, "totalWalletBalance"),
        _number(row, "totalUnrealizedProfit"),
        _number(row, "totalMaintMargin"),
        _number(row, "availableBalance"),
    )


def income_of(row: _Row) -> IncomeRow:
    """One change of the wallet, of a REST answer; a number is unique within its kind only."""
    kind = str(row["incomeType"])
    number = f"{kind}:{row['tranId']}:{row.get('symbol') or ''}"
    return IncomeRow(number, kind, int(row["time"]), _number(row, "income"), str(row["asset"]))


def permissions_of(row: _Row) -> KeyPermissions:
    """Permissions of a key, of a REST answer."""
    expires_ms = int(row.get("tradingAuthorityExpirationTime") or 0)
    return KeyPermissions(
        trades=flag_of(row, "enableFutures"),
        withdraws=flag_of(row, "enableWithdrawals"),
        transfers=any(flag_of(row, name) for name in _TRANSFERS if name in row),
        has_ip_list=flag_of(row, "ipRestrict"),
        expires_at=from_ms(expires_ms) if expires_ms else None,
    )


def side_of_row(row: _Row) -> Side:
    """Side of an order or a conditional order of a REST answer."""
    return _word(_SIDES, row["side"])


def event_of(message: Any, symbol: str, market_id: str) -> tuple[VenueEvent, ...]:
    """Events of a raw message about one symbol; what only a sweep can explain is None.

    A message that can't be read is such a thing too: it must not break the connection.
    """
    try:
        return _events(message, symbol, market_id)
    except (KeyError, TypeError, ValueError, ArithmeticError, ExchangeUnavailable):
        logger.exception("message of the user stream can't be read", extra={"raw": str(message)[:500]})
        return (None,)


def _events(message: Any, symbol: str, market_id: str) -> tuple[VenueEvent, ...]:
    kind = message.get("e") if isinstance(message, dict) else None
    if kind in ("ORDER_TRADE_UPDATE", "ALGO_UPDATE"):
        row = message["o"]
        if row["s"] != market_id:
            return ()
        return (_order_update(row, symbol) if kind == "ORDER_TRADE_UPDATE" else _stop_update(row, symbol),)
    if kind == "ACCOUNT_UPDATE":  # its fills are told by ORDER_TRADE_UPDATE, its payments by nobody
        return (None,) if message["a"]["m"] in PAYMENT_KINDS else ()
    return (None,) if kind in _SWEPT_EVENTS else ()


def _order_update(row: _Row, symbol: str) -> OrderUpdate:
    status, filled = _word(_ORDER_STATUS, row["X"]), _number(row, "z")
    order = VenueOrder(str(row["c"]), str(row["i"]), status, filled, _number(row, "p"))
    trade = None
    if row["x"] in _FILLS and int(row["t"]) > 0:
        trade = VenueTrade(
            str(row["t"]),
            order.venue_order_id,
            order.client_order_id,
            _word(_SIDES, row["S"]),
            _number(row, "l"),
            _number(row, "L"),
            _number_or_nothing(row, "n"),
            int(row["T"]),
            _number(row, "rp"),
        )
    return OrderUpdate(symbol, order, trade)


def _stop_update(row: _Row, symbol: str) -> StopUpdate:
    stop = VenueStop(
        str(row["caid"]),
        str(row["aid"]),
        _word(_SIDES, row["S"]),
        _number_or_nothing(row, "tp"),
        bool(row["cp"]),
        _word(_STOP_STATUS, row["X"]),
        str(row.get("ai") or ""),
        _number_or_nothing(row, "q"),
        str(row.get("o")).startswith(_PROFIT_KIND),
        str(row.get("pP")).lower() == "true",
    )
    return StopUpdate(symbol, stop)


def flag_of(row: _Row, name: str) -> bool:
    """Yes or no of a row; what is neither is no no."""
    told = row.get(name)
    found = _FLAGS.get(told.lower()) if isinstance(told, str) else told
    if not isinstance(found, bool):
        raise ExchangeUnavailable(f"exchange told {name} {told!r}; expected true or false")
    return found


def _number(row: _Row, name: str) -> Decimal:
    """Return a number of a row; what is none, or not finite, is an answer that nobody can act on."""
    told: Any = row.get(name)
    try:
        found = Decimal(told)
    except (TypeError, ValueError, ArithmeticError):
        found = _NONE
    if not found.is_finite():
        raise ExchangeUnavailable(f"exchange told {name} {told!r}; expected a number")
    return found


def _number_or_nothing(row: _Row, name: str) -> Decimal:
    """Return a number that need not be told; 0 without it."""
    return _number(row, name) if row.get(name) else Decimal(0)


def _price(row: _Row, name: str) -> Decimal | None:
    """Return a price above 0; None where none is known."""
    with contextlib.suppress(ExchangeUnavailable):
        return found if (found := _number(row, name)) > 0 else None
    return None


def _text(row: _Row, name: str) -> str:
    told = row.get(name)
    if told is None or told == "":
        raise ExchangeUnavailable(f"exchange told {name} {told!r}; expected a name")
    return str(told)


def _word(words: dict[str, _Word], told: Any) -> _Word:
    """Our word for one of the venue's."""
    if not isinstance(told, str) or told not in words:
        what = "side" if words is _SIDES else "order status"
        raise ExchangeUnavailable(f"exchange told {what} {told!r}; expected one of {', '.join(words)}")
    return words[told]
