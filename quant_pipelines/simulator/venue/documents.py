"""Orders, trades and income as REST answers write them: Binance's field names, numbers as text."""

from decimal import Decimal
from typing import Any

from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.records import (
    ONE_WAY,
    AlgoOrder,
    Amendment,
    FillRecord,
    IncomeRecord,
    Order,
    PositionRecord,
)

Document = dict[str, Any]

STP_MODE = "EXPIRE_MAKER"


def amount_text(amount: Decimal) -> str:
    """Amount of quote as the venue writes it."""
    return f"{amount:.8f}"


def break_even_text(position: PositionRecord, contract: Contract) -> str:
    """Entry price moved by the fee of getting in and out as a taker, as the venue writes it."""
    fees = 2 * contract.taker_fee
    price = position.entry_price * (1 + fees if position.quantity > 0 else 1 - fees)
    return f"{price:.{contract.price_decimals + 3}f}"


def amendment_document(amendment: Amendment, contract: Contract, count: int) -> Document:
    """Return a row of ``orderAmendment``, the order's change number ``count``."""
    prices = (contract.price_text(price) for price in (amendment.old_price, amendment.new_price))
    quantities = (
        contract.quantity_text(quantity) for quantity in (amendment.old_quantity, amendment.new_quantity)
    )
    return {
        "amendmentId": amendment.number,
        "symbol": amendment.symbol,
        "pair": amendment.symbol,
        "orderId": amendment.order_number,
        "clientOrderId": amendment.client_id,
        "time": amendment.ts_ms,
        "amendment": {
            "price": dict(zip(("before", "after"), prices, strict=True)),
            "origQty": dict(zip(("before", "after"), quantities, strict=True)),
            "count": count,
        },
    }


def order_document(order: Order, contract: Contract) -> Document:
    """Return a plain order."""
    filled = contract.quantity_text(order.filled)
    return {
        "orderId": order.number,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": contract.price_text(order.price),
        "avgPrice": f"{order.average_price:.{contract.price_decimals + 3}f}",
        "origQty": contract.quantity_text(order.quantity),
        "executedQty": filled,
        "cumQty": filled,
        "cumQuote": amount_text(order.quote),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": ONE_WAY,
        "stopPrice": contract.price_text(Decimal(0)),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trades,
        "goodTillDate": order.good_till_ms,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def algo_document(algo: AlgoOrder, contract: Contract, child: Order | None = None) -> Document:
    """Return a conditional order; ``child`` is the order that it has sent."""
    document = {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": ONE_WAY,
        "timeInForce": algo.time_in_force,
        "quantity": contract.quantity_text(algo.quantity),
        "algoStatus": algo.status,
        "actualOrderId": str(algo.child) if algo.child else "",
        "actualPrice": f"{child.average_price if child else 0:.{contract.price_decimals + 3}f}",
        "triggerPrice": contract.price_text(algo.trigger_price),
        "price": contract.price_text(algo.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": STP_MODE,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.is_protected,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": 0,
    }
    if algo.callback_rate:
        document["callbackRate"] = str(algo.callback_rate)
        document["activatePrice"] = contract.price_text(algo.activate_price)
    return document


def trade_document(fill: FillRecord, contract: Contract) -> Document:
    """Return a row of ``userTrades``."""
    return {
        "symbol": fill.symbol,
        "id": fill.number,
        "orderId": fill.order_number,
        "side": fill.side,
        "price": contract.price_text(fill.price),
        "qty": contract.quantity_text(fill.quantity),
        "realizedPnl": amount_text(fill.realized_pnl),
        "quoteQty": amount_text(fill.quote),
        "commission": amount_text(fill.fee),
        "commissionAsset": "USDT",
        "time": fill.ts_ms,
        "positionSide": ONE_WAY,
        "buyer": fill.side == "BUY",
        "maker": fill.is_maker,
    }


def income_document(income: IncomeRecord) -> Document:
    """Return a row of ``income``."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": amount_text(income.amount),
        "asset": "USDT",
        "info": str(income.trade or income.kind),
        "time": income.ts_ms,
        "tranId": income.number,
        "tradeId": str(income.trade) if income.trade else "",
    }
