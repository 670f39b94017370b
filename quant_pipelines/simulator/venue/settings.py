"""Changes of the account's settings: leverage, margin type, position mode."""

from dataclasses import replace

from quant_pipelines.simulator.contracts import ORDER_LIMITS
from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.brackets import largest_notional
from quant_pipelines.simulator.venue.documents import Document
from quant_pipelines.simulator.venue.margin import funds, margins
from quant_pipelines.simulator.venue.messages import tell_account, tell_leverage
from quant_pipelines.simulator.venue.records import PositionRecord
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import contract_for, flag
from quant_pipelines.simulator.venue.state import Venue

_DONE: Document = {"code": 200, "msg": "success"}


def set_leverage(venue: Venue, query: Query) -> Document:
    """``POST leverage``."""
    contract = contract_for(venue, query)
    query.text("leverage")
    leverage = query.integer("leverage", 0)
    if not 1 <= leverage <= contract.most_leverage:
        raise refusal("leverage", leverage)
    position = venue.ledger.position(contract.symbol)
    notional = abs(margins(venue, contract.symbol).notional)
    largest = largest_notional(contract.brackets, leverage)
    if notional > largest:
        raise refusal("position_size")
    if position.is_isolated and position.quantity and leverage < position.leverage:
        raise refusal("isolated_leverage")
    if leverage != position.leverage:
        _change_leverage(venue, position, leverage)
    return {"symbol": contract.symbol, "leverage": leverage, "maxNotionalValue": str(largest)}


def _change_leverage(venue: Venue, position: PositionRecord, leverage: int) -> None:
    venue.ledger.put(replace(position, leverage=leverage))
    of = funds(venue)
    is_worse = leverage < position.leverage
    if is_worse and of.cross_wallet + of.cross_profit < of.position_margin + of.order_margin:
        raise refusal("low_leverage")
    tell_leverage(venue, position.symbol)


def set_margin_type(venue: Venue, query: Query) -> Document:
    """``POST marginType``."""
    contract, wanted = contract_for(venue, query), query.text("marginType")
    if wanted not in ("ISOLATED", "CROSSED"):
        raise refusal("parameter", "marginType")
    position = venue.ledger.position(contract.symbol)
    if position.is_isolated == (wanted == "ISOLATED"):
        raise refusal("same_margin_type")
    if any(order.symbol == contract.symbol for order in venue.ledger.orders.values()):
        raise refusal("margin_type_orders")
    if position.quantity:
        raise refusal("margin_type_position")
    venue.ledger.put(replace(position, is_isolated=wanted == "ISOLATED"))
    tell_account(venue, "MARGIN_TYPE_CHANGE", contract.symbol, ts_ms=venue.now_ms)
    return _DONE


def multi_assets_mode(_venue: Venue, _query: Query) -> Document:
    """``GET multiAssetsMargin``: only USDT is margin here."""
    return {"multiAssetsMargin": False}


def set_multi_assets_mode(_venue: Venue, query: Query) -> Document:
    """``POST multiAssetsMargin``: it is off, and can't be on."""
    query.text("multiAssetsMargin")
    raise refusal("not_yet" if flag(query, "multiAssetsMargin") else "same_asset_mode")


def fee_burn(_venue: Venue, _query: Query) -> Document:
    """``GET feeBurn``: fees are paid in USDT."""
    return {"feeBurn": False}


def set_fee_burn(_venue: Venue, query: Query) -> Document:
    """``POST feeBurn``: it is off, and can't be on."""
    query.text("feeBurn")
    if flag(query, "feeBurn"):
        raise refusal("not_yet")
    return _DONE


def order_limits(_venue: Venue, _query: Query) -> list[Document]:
    """``GET rateLimit/order``."""
    return ORDER_LIMITS


def trading_status(venue: Venue, _query: Query) -> Document:
    """``GET apiTradingStatus``: no rule about quantities of orders is broken here, for there is none."""
    return {"indicators": {}, "updateTime": venue.now_ms}


def set_position_mode(venue: Venue, query: Query) -> Document:
    """``POST positionSide/dual``: the flag can be set, but in hedge mode no order is taken."""
    query.text("dualSidePosition")
    wanted = flag(query, "dualSidePosition")
    ledger = venue.ledger
    if wanted == ledger.account.is_hedged:
        raise refusal("same_position_side")
    if ledger.orders:
        raise refusal("position_side_orders")
    if any(position.quantity for position in ledger.positions.values()):
        raise refusal("position_side_position")
    ledger.put(replace(ledger.account, is_hedged=wanted))
    return _DONE
