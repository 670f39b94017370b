"""Order endpoints: plain and conditional orders placed, changed, canceled and looked up one by one."""

from typing import TypeVar

from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.conditional import cancel_algo, place_algo
from quant_pipelines.simulator.venue.documents import Document, algo_document, order_document
from quant_pipelines.simulator.venue.entry import amend, cancel, place, preview
from quant_pipelines.simulator.venue.price_match import price_match_of
from quant_pipelines.simulator.venue.records import AlgoOrder, Countdown, Order
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import (
    contract_for,
    contracts_for,
    flag,
    limit_price_of,
    order_request,
    quantity_of,
    side_of,
)
from quant_pipelines.simulator.venue.state import Venue

R = TypeVar("R", Order, AlgoOrder)

_ALL_CANCELED: Document = {"code": 200, "msg": "The operation of cancel all open order is done."}


def new_order(venue: Venue, query: Query) -> Document:
    """``POST order``; with ``newOrderRespType=RESULT`` the answer shows what was executed at once."""
    accepted, now = place(venue, order_request(venue, query))
    is_full = query.values.get("newOrderRespType") == "RESULT"
    return order_document(now if is_full else accepted, venue.contracts[now.symbol])


def test_order(venue: Venue, query: Query) -> Document:
    """``POST order/test``: the order that would be accepted; nothing is placed."""
    order = preview(venue, order_request(venue, query))
    return order_document(order, venue.contracts[order.symbol])


def amend_order(venue: Venue, query: Query) -> Document:
    """``PUT order``."""
    contract = contract_for(venue, query)
    order = find_order(venue, query, missing="not_open")
    if flag(query, "reduceOnly") and not order.reduce_only:
        raise refusal("not_reduce_only")
    if side_of(query) != order.side:
        raise refusal("side")
    quantity = quantity_of(query, contract)
    price = limit_price_of(venue, query, price_match_of(query, "LIMIT"))
    return order_document(amend(venue, order, quantity=quantity, price=price), contract)


def get_order(venue: Venue, query: Query) -> Document:
    """``GET order``."""
    return order_document(find_order(venue, query, missing="no_order"), contract_for(venue, query))


def get_open_order(venue: Venue, query: Query) -> Document:
    """``GET openOrder``."""
    order = find_order(venue, query, missing="no_order")
    if not order.is_open:
        raise refusal("no_order")
    return order_document(order, contract_for(venue, query))


def cancel_order(venue: Venue, query: Query) -> Document:
    """``DELETE order``."""
    order = find_order(venue, query, missing="not_open")
    return order_document(cancel(venue, order), contract_for(venue, query))


def cancel_all_orders(venue: Venue, query: Query) -> Document:
    """``DELETE allOpenOrders``; conditional orders stay."""
    symbol = contract_for(venue, query).symbol
    for order in [order for order in venue.ledger.orders.values() if order.symbol == symbol]:
        cancel(venue, order)
    return _ALL_CANCELED


def set_countdown(venue: Venue, query: Query) -> Document:
    """``POST countdownCancelAll``: dead-man switch of one symbol; 0 stops it. Conditional orders stay."""
    symbol = contract_for(venue, query).symbol
    query.text("countdownTime")
    wait_ms = query.integer("countdownTime", 0)
    if wait_ms:
        venue.ledger.put(Countdown(symbol, venue.now_ms + wait_ms))
    elif symbol in venue.ledger.countdowns:
        venue.ledger.drop_countdown(venue.ledger.countdowns[symbol])
    return {"symbol": symbol, "countdownTime": str(wait_ms)}


def new_algo_order(venue: Venue, query: Query) -> Document:
    """``POST algoOrder``."""
    return _algo_document(venue, place_algo(venue, query))


def get_algo_order(venue: Venue, query: Query) -> Document:
    """``GET algoOrder``."""
    return _algo_document(venue, find_algo(venue, query, missing="no_order"))


def cancel_algo_order(venue: Venue, query: Query) -> Document:
    """``DELETE algoOrder``."""
    algo = cancel_algo(venue, find_algo(venue, query, missing="not_open"))
    return {"algoId": algo.number, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all_algo_orders(venue: Venue, query: Query) -> Document:
    """``DELETE algoOpenOrders``."""
    symbol = contract_for(venue, query).symbol
    for algo in [algo for algo in venue.ledger.algos.values() if algo.symbol == symbol]:
        cancel_algo(venue, algo)
    return _ALL_CANCELED


def open_orders(venue: Venue, query: Query) -> list[Document]:
    """``GET openOrders``."""
    symbols = {contract.symbol for contract in contracts_for(venue, query)}
    return [
        order_document(order, venue.contracts[order.symbol])
        for order in venue.ledger.orders.values()
        if order.symbol in symbols
    ]


def open_algo_orders(venue: Venue, query: Query) -> list[Document]:
    """``GET openAlgoOrders``."""
    symbols = {contract.symbol for contract in contracts_for(venue, query)}
    wanted = query.integer("algoId", 0)
    return [
        _algo_document(venue, algo)
        for algo in venue.ledger.algos.values()
        if algo.symbol in symbols and wanted in (0, algo.number)
    ]


def find_order(venue: Venue, query: Query, *, missing: str) -> Order:
    """Order named by ``orderId`` or ``origClientOrderId``: of several the open one, else the newest.

    Raises
    ------
    VenueError
        -1102 if neither was sent, else the refusal ``missing``.
    """
    symbol = contract_for(venue, query).symbol
    number, client_id = query.integer("orderId", 0), query.values.get("origClientOrderId")
    if not number and not client_id:
        raise refusal("either", "origClientOrderId", "orderId")
    column, value = ("number", number) if number else ("client_id", client_id)
    found = venue.ledger.store.select(
        Order, f"symbol = ? AND {column} = ? ORDER BY number DESC", symbol, value
    )
    return _newest_open(found, missing)


def find_algo(venue: Venue, query: Query, *, missing: str) -> AlgoOrder:
    """Conditional order named by ``algoId`` or ``clientAlgoId``: of several the open, else the newest.

    Raises
    ------
    VenueError
        -1102 if neither was sent, else the refusal ``missing``.
    """
    number, client_id = query.integer("algoId", 0), query.values.get("clientAlgoId")
    if not number and not client_id:
        raise refusal("either", "algoId", "clientAlgoId")
    column, value = ("number", number) if number else ("client_id", client_id)
    found = venue.ledger.store.select(AlgoOrder, f"{column} = ? ORDER BY number DESC", value)
    return _newest_open(found, missing)


def _newest_open(found: list[R], missing: str) -> R:
    if not found:
        raise refusal(missing)
    return next((one for one in found if one.is_open), found[0])


def _algo_document(venue: Venue, algo: AlgoOrder) -> Document:
    child = venue.ledger.store.select(Order, "number = ?", algo.child) if algo.child else []
    return algo_document(algo, venue.contracts[algo.symbol], child[0] if child else None)
