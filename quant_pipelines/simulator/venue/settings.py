"""Changes of the account's settings: leverage, margin type, position mode."""

from dataclasses import replace

from quant_pipelines.simulator.contracts import ORDER_LIMITS
from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.brackets import largest_notional
from quant_pipelines.simulator.venue.documents import Document
from quant_pipelines.simulator.venue.margin import funds, margins
from quant_pipelines.simulator.venue.messages import tell_account, tell_asset_mode, tell_leverage
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


def multi_assets_mode(venue: Venue, _query: Query) -> Document:
    """``GET multiAssetsMargin``."""
    return {"multiAssetsMargin": venue.ledger.account.has_multi_assets}


def set_multi_assets_mode(venue: Venue, query: Query) -> Document:
    """``POST multiAssetsMargin``: the flag can be set; all the same only USDT is margin here."""
    query.text("multiAssetsMargin")
    wanted, ledger = flag(query, "multiAssetsMargin"), venue.ledger
    if wanted == ledger.account.has_multi_assets:
        raise refusal("same_asset_mode")
    if ledger.orders:
        raise refusal("asset_mode_orders")
    if wanted and any(position.is_isolated for position in ledger.positions.values()):
        raise refusal("asset_mode_isolated")
    ledger.put(replace(ledger.account, has_multi_assets=wanted))
    tell_asset_mode(venue)
    return _DONE


def portfolio_account(venue: Venue, _query: Query) -> Document:
    """``GET sapi/v1/portfolio/account``: an account of portfolio margin tells its totals."""
    if not venue.ledger.account.has_portfolio_margin:
        raise refusal("no_portfolio_margin")
    of = funds(venue)
    equity = str(of.wallet + of.profit)
    return {
        "uniMMR": "999.00000000",
        "accountEquity": equity,
        "actualEquity": equity,
        "accountMaintMargin": str(of.maintenance),
        "accountStatus": "NORMAL",
        "accountType": "PM_1",
    }


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
