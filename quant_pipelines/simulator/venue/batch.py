"""Several orders in one request: each is accepted or refused for itself, in the order of the list."""

import json
from collections.abc import Callable
from typing import Any

from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.documents import Document
from quant_pipelines.simulator.venue.orders import amend_order, cancel_order, new_order
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import contract_for
from quant_pipelines.simulator.venue.state import Venue

_MOST_PLACED, _MOST_CANCELED = 5, 10


def new_orders(venue: Venue, query: Query) -> list[Document]:
    """``POST batchOrders``."""
    return [_answer(new_order, venue, one) for one in _orders(query)]


def amend_orders(venue: Venue, query: Query) -> list[Document]:
    """``PUT batchOrders``."""
    return [_answer(amend_order, venue, one) for one in _orders(query)]


def cancel_orders(venue: Venue, query: Query) -> list[Document]:
    """``DELETE batchOrders``: orders of one symbol, by number or by client order id."""
    symbol = contract_for(venue, query).symbol
    numbers, names = _list(query, "orderIdList"), _list(query, "origClientOrderIdList")
    if not numbers and not names:
        raise refusal("either", "orderIdList", "origClientOrderIdList")
    field, wanted = ("orderId", numbers) if numbers else ("origClientOrderId", names)
    if len(wanted) > _MOST_CANCELED:
        raise refusal("many_cancels")
    return [_answer(cancel_order, venue, Query({"symbol": symbol, field: _text(one)})) for one in wanted]


def _answer(answer: Callable[[Venue, Query], Document], venue: Venue, query: Query) -> Document:
    """Answer of one order; a refusal has changed nothing, so the others go on."""
    try:
        return answer(venue, query)
    except VenueError as error:
        return {"code": error.code, "msg": error.message}


def _orders(query: Query) -> list[Query]:
    query.text("batchOrders")
    orders = _list(query, "batchOrders")
    if not 1 <= len(orders) <= _MOST_PLACED:
        raise refusal("batch_size", len(orders))
    if not all(isinstance(order, dict) for order in orders):
        raise refusal("parameter", "batchOrders")
    return [Query({name: _text(value) for name, value in order.items()}) for order in orders]


def _list(query: Query, name: str) -> list[Any]:
    """List in JSON; some clients write the parameter's name in lower case. Numbers keep their digits."""
    text = query.values.get(name) or query.values.get(name.lower()) or "[]"
    try:
        values = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise refusal("parameter", name)
    return values


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
