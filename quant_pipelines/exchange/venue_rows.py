"""Binance's rows of orders, trades and income as our values: REST documents, and the user stream's events."""

import logging
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
_FILLS = ("TRADE", "CALCULATED")
_PROFIT_KIND = "TAKE_PROFIT"
PAYMENT_KINDS = {"FUNDING_FEE": "funding", "INSURANCE_CLEAR": "insurance"}
"""Income that no fill tells, by the venue's word for it."""
_SWEPT_EVENTS = ("listenKeyExpired", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL")
_Row = dict[str, Any]
_Word = TypeVar("_Word", Side, OrderStatus)

logger = logging.getLogger(__name__)


def order_of(row: _Row) -> VenueOrder:
    """Order of a REST answer."""
    return VenueOrder(
        str(row["clientOrderId"]),
        str(row["orderId"]),
        _word(_ORDER_STATUS, row["status"]),
        Decimal(row["executedQty"]),
        Decimal(row["price"]),
    )


def touch_of(row: _Row) -> Touch:
    """Best prices of a REST answer."""
    return Touch(Decimal(row["bidPrice"]), Decimal(row["askPrice"]))


def position_of(row: _Row, symbol: str) -> AccountPosition:
    """Position of a REST answer; a price of nothing is none."""
    names = ("markPrice", "liquidationPrice", "isolatedMargin")
    mark, liquidation, isolated = (Decimal(row.get(name) or 0) for name in names)
    return AccountPosition(
        symbol,
        Decimal(row["positionAmt"]),
        row["positionSide"] != _BOTH,
        mark or None,
        liquidation if liquidation > 0 else None,
        isolated,
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
        str(row["clientAlgoId"]),
        str(row["algoId"]),
        _word(_SIDES, row["side"]),
        Decimal(row["triggerPrice"] or 0),
        bool(row["closePosition"]),
        _word(_STOP_STATUS, row["algoStatus"]),
        str(row.get("actualOrderId") or ""),
        Decimal(row.get("quantity") or 0),
        str(row.get("orderType")).startswith(_PROFIT_KIND),
        str(row.get("priceProtect")).lower() == "true",
    )


def trade_of(row: _Row) -> VenueTrade:
    """Fill of a REST answer, which does not tell our name of the order."""
    return VenueTrade(
        str(row["id"]),
        str(row["orderId"]),
        "",
        _word(_SIDES, row["side"]),
        Decimal(row["qty"]),
        Decimal(row["price"]),
        Decimal(row["commission"]),
        int(row["time"]),
        Decimal(row["realizedPnl"]),
    )


def payment_of(row: _Row) -> Payment:
    """Income of a REST answer."""
    return Payment(int(row["time"]), Decimal(row["income"]), PAYMENT_KINDS[row["incomeType"]])


def balance_of(row: _Row) -> Balance:
    """Funds of an account, of a REST answer; totals are in USDT while one asset is the only margin."""
    return Balance(
        Decimal(row["totalWalletBalance"]),
        Decimal(row["totalUnrealizedProfit"]),
        Decimal(row["totalMaintMargin"]),
        Decimal(row["availableBalance"]),
    )


def income_of(row: _Row) -> IncomeRow:
    """One change of the wallet, of a REST answer; a number is unique within its kind only."""
    kind = str(row["incomeType"])
    number = f"{kind}:{row['tranId']}:{row.get('symbol') or ''}"
    return IncomeRow(number, kind, int(row["time"]), Decimal(row["income"]), str(row["asset"]))


def permissions_of(row: _Row) -> KeyPermissions:
    """Permissions of a key, of a REST answer."""
    expires_ms = int(row.get("tradingAuthorityExpirationTime") or 0)
    return KeyPermissions(
        trades=bool(row["enableFutures"]),
        withdraws=bool(row["enableWithdrawals"]),
        transfers=bool(row.get("enableInternalTransfer")) or bool(row.get("permitsUniversalTransfer")),
        has_ip_list=bool(row["ipRestrict"]),
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
    status, filled = _word(_ORDER_STATUS, row["X"]), Decimal(row["z"])
    order = VenueOrder(str(row["c"]), str(row["i"]), status, filled, Decimal(row["p"]))
    trade = None
    if row["x"] in _FILLS and int(row["t"]) > 0:
        trade = VenueTrade(
            str(row["t"]),
            order.venue_order_id,
            order.client_order_id,
            _word(_SIDES, row["S"]),
            Decimal(row["l"]),
            Decimal(row["L"]),
            Decimal(row.get("n") or 0),
            int(row["T"]),
            Decimal(row["rp"]),
        )
    return OrderUpdate(symbol, order, trade)


def _stop_update(row: _Row, symbol: str) -> StopUpdate:
    stop = VenueStop(
        str(row["caid"]),
        str(row["aid"]),
        _word(_SIDES, row["S"]),
        Decimal(row["tp"] or 0),
        bool(row["cp"]),
        _word(_STOP_STATUS, row["X"]),
        str(row.get("ai") or ""),
        Decimal(row.get("q") or 0),
        str(row.get("o")).startswith(_PROFIT_KIND),
        str(row.get("pP")).lower() == "true",
    )
    return StopUpdate(symbol, stop)


def _word(words: dict[str, _Word], told: Any) -> _Word:
    """Our word for one of the venue's."""
    if told not in words:
        what = "side" if words is _SIDES else "order status"
        raise ExchangeUnavailable(f"exchange told {what} {told!r}; expected one of {', '.join(words)}")
    return words[told]
