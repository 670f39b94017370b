"""History endpoints: past orders, trades, income and liquidations, paged as the exchange pages them."""

from typing import Any, TypeVar

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.documents import (
    Document,
    algo_document,
    amendment_document,
    income_document,
    order_document,
    trade_document,
)
from quant_pipelines.simulator.venue.orders import find_order
from quant_pipelines.simulator.venue.records import (
    LIQUIDATION_PREFIX,
    AlgoOrder,
    Amendment,
    FillRecord,
    IncomeRecord,
    Order,
)
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import contract_for
from quant_pipelines.simulator.venue.state import Venue

R = TypeVar("R", Order, AlgoOrder, FillRecord)

_WINDOW_MS = 7 * DAY_MS


class Conditions:
    """Conditions of a page, joined by AND, the values for their marks, and from which end it is filled."""

    def __init__(self) -> None:
        self.is_newest_first = True
        self._texts: list[str] = ["1"]
        self.values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        """Add a condition with a ``?`` for each value."""
        self._texts.append(text)
        self.values.extend(values)

    def page(self, order: str, limit: int) -> str:
        """Write the SQL after ``WHERE``."""
        return f"{' AND '.join(self._texts)} ORDER BY {order} LIMIT {limit}"


def all_orders(venue: Venue, query: Query) -> list[Document]:
    """``GET allOrders``: from ``orderId`` on, else the newest of the window."""
    contract = contract_for(venue, query)
    where = Conditions()
    where.add("symbol = ?", contract.symbol)
    _add_page(venue, query, where, number="orderId", time="created_ms")
    orders = _rows(venue, Order, where, query.limit(500, 1000))
    return [order_document(order, contract) for order in orders]


def all_algo_orders(venue: Venue, query: Query) -> list[Document]:
    """``GET allAlgoOrders``."""
    contract = contract_for(venue, query)
    where = Conditions()
    where.add("symbol = ?", contract.symbol)
    _add_page(venue, query, where, number="algoId", time="created_ms")
    algos = _rows(venue, AlgoOrder, where, query.limit(500, 1000))
    return [algo_document(algo, contract) for algo in algos]


def user_trades(venue: Venue, query: Query) -> list[Document]:
    """``GET userTrades``: from ``fromId`` on, else of one order, else the newest of the window."""
    contract = contract_for(venue, query)
    where = Conditions()
    where.add("symbol = ?", contract.symbol)
    if order := query.integer("orderId", 0):
        where.add("order_number = ?", order)
    if "fromId" in query.values and {"startTime", "endTime"} & set(query.values):
        raise refusal("combination")
    _add_page(venue, query, where, number="fromId", time="ts_ms")
    fills = _rows(venue, FillRecord, where, query.limit(500, 1000))
    return [trade_document(fill, contract) for fill in fills]


def income(venue: Venue, query: Query) -> list[Document]:
    """``GET income``: a page from ``startTime`` on, else the newest of the last 7 days; oldest first."""
    where = Conditions()
    if query.values.get("symbol"):
        where.add("symbol = ?", contract_for(venue, query).symbol)
    if kind := query.values.get("incomeType"):
        where.add("kind = ?", kind)
    limit = query.limit(100, 1000)
    if "startTime" in query.values:
        where.add("ts_ms >= ?", query.integer("startTime", 0))
        where.add("ts_ms <= ?", query.integer("endTime", venue.now_ms))
        skipped = (max(query.integer("page", 1), 1) - 1) * limit
        rows = venue.ledger.store.select(
            IncomeRecord, f"{where.page('number', limit)} OFFSET {skipped}", *where.values
        )
    else:
        last = query.integer("endTime", venue.now_ms)
        where.add("ts_ms BETWEEN ? AND ?", last - _WINDOW_MS, last)
        rows = venue.ledger.store.select(IncomeRecord, where.page("number DESC", limit), *where.values)[::-1]
    return [income_document(row) for row in rows]


def amendments(venue: Venue, query: Query) -> list[Document]:
    """``GET orderAmendment``: changes of one order, newest first."""
    contract = contract_for(venue, query)
    order = find_order(venue, query, missing="no_order")
    first, last = query.integer("startTime", 0), query.integer("endTime", venue.now_ms)
    rows = venue.ledger.store.select(Amendment, "order_number = ? ORDER BY number", order.number)
    numbered = [(row, count) for count, row in enumerate(rows, 1) if first <= row.ts_ms <= last]
    newest = numbered[::-1][: query.limit(50, 100)]
    return [amendment_document(row, contract, count) for row, count in newest]


def force_orders(venue: Venue, query: Query) -> list[Document]:
    """``GET forceOrders``: liquidations."""
    where = Conditions()
    where.add("client_id LIKE ?", f"{LIQUIDATION_PREFIX}%")
    if query.values.get("symbol"):
        where.add("symbol = ?", contract_for(venue, query).symbol)
    where.add("created_ms >= ?", query.integer("startTime", venue.now_ms - _WINDOW_MS))
    orders = venue.ledger.store.select(Order, where.page("number DESC", query.limit(50, 100)), *where.values)
    return [order_document(order, venue.contracts[order.symbol]) for order in orders]


def _add_page(venue: Venue, query: Query, where: Conditions, *, number: str, time: str) -> None:
    """Bound a page by a first number, or by a window of at most 7 days (the last 7 by default)."""
    where.is_newest_first = number not in query.values and "startTime" not in query.values
    if number in query.values:
        where.add("number >= ?", query.integer(number, 0))
        return
    first, last = query.integer("startTime", -1), query.integer("endTime", -1)
    if first < 0:
        last = venue.now_ms if last < 0 else last
        first = last - _WINDOW_MS
    last = first + _WINDOW_MS if last < 0 else last
    if first > last:
        raise VenueError(-1023, "Start time is greater than end time.")
    if last - first > _WINDOW_MS:
        raise VenueError(-1127, "Lookup interval is too big.")
    where.add(f"{time} BETWEEN ? AND ?", first, last)


def _rows(venue: Venue, kind: type[R], where: Conditions, limit: int) -> list[R]:
    """Oldest rows from a start on, else the newest; oldest first either way."""
    order = "number DESC" if where.is_newest_first else "number"
    rows = venue.ledger.store.select(kind, where.page(order, limit), *where.values)
    return rows[::-1] if where.is_newest_first else rows
