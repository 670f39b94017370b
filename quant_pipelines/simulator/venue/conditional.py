"""Conditional orders: they wait outside the book, and send an ordinary order when their price comes.

NEW, TRIGGERING (the price has come), TRIGGERED (its order is in the book), FINISHED (its order has ended);
or CANCELED, REJECTED (its order was refused), EXPIRED (there was nothing left to close). Margin and
reduce-only are checked when it triggers, not before.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.entry import accept
from quant_pipelines.simulator.venue.matching import take
from quant_pipelines.simulator.venue.messages import tell_algo
from quant_pipelines.simulator.venue.price_match import NO_MATCH, matched_price, price_match_of
from quant_pipelines.simulator.venue.records import BUY, ZERO, AlgoOrder, Order
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import (
    CONDITIONAL_KINDS,
    OrderRequest,
    check_position_side,
    client_id_of,
    contract_for,
    decimal_of,
    flag,
    price_of,
    quantity_of,
    refuse_not_required,
    side_of,
    time_in_force_of,
)
from quant_pipelines.simulator.venue.state import Quote, Venue

TRAILING = "TRAILING_STOP_MARKET"
_MOST_ALGOS = 200
_LEAST_CALLBACK, _MOST_CALLBACK = Decimal("0.1"), Decimal(10)


@dataclass(frozen=True, slots=True)
class _Terms:
    """When a conditional order triggers."""

    trigger_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    activate_price: Decimal = ZERO


def place_algo(venue: Venue, query: Query) -> AlgoOrder:
    """Accept a conditional order.

    Raises
    ------
    VenueError
        If it is refused.
    """
    contract = contract_for(venue, query)
    side, kind = side_of(query), query.text("type")
    if query.text("algoType") != "CONDITIONAL":
        raise refusal("parameter", "algoType")
    if kind not in CONDITIONAL_KINDS:
        raise refusal("order_type")
    check_position_side(venue, query)
    terms = _trailing_terms(query, contract) if kind == TRAILING else _trigger_terms(query, contract)
    working_type = query.values.get("workingType") or "CONTRACT_PRICE"
    if working_type not in ("CONTRACT_PRICE", "MARK_PRICE"):
        raise refusal("parameter", "workingType")
    closes, match = _closes_position(query), price_match_of(query, kind)
    is_limit = kind in ("STOP", "TAKE_PROFIT")
    if not is_limit:
        refuse_not_required(query, "price")
    now = venue.now_ms
    algo = AlgoOrder(
        number=venue.ledger.account.last_number + 1,
        client_id=client_id_of(query, "clientAlgoId") or f"web_{venue.ledger.account.last_number + 1}",
        symbol=contract.symbol,
        side=side,
        kind=kind,
        time_in_force=time_in_force_of(query, "GTC"),
        quantity=ZERO if closes else quantity_of(query, contract),
        trigger_price=terms.trigger_price,
        price=price_of(query, "price", contract) if is_limit and match == NO_MATCH else ZERO,
        callback_rate=terms.callback_rate,
        activate_price=terms.activate_price,
        extreme_price=ZERO,
        working_type=working_type,
        reduce_only=flag(query, "reduceOnly"),
        close_position=closes,
        child=0,
        status="NEW",
        created_ms=now,
        updated_ms=now,
        triggered_ms=0,
        price_match=match,
    )
    _check(venue, algo)
    venue.ledger.next_number()
    algo = _followed(algo, venue.quote(algo.symbol))
    venue.ledger.put(algo)
    tell_algo(venue, algo)
    return algo


def cancel_algo(venue: Venue, algo: AlgoOrder) -> AlgoOrder:
    """Cancel a conditional order that has not triggered.

    Raises
    ------
    VenueError
        -2011 if it has.
    """
    if not algo.is_open:
        raise refusal("not_open")
    return _change(venue, algo, "CANCELED")


def follow(venue: Venue, symbol: str) -> None:
    """Move trailing stops along with the price and send the orders whose price has come, oldest first."""
    quote = venue.quotes[symbol]
    for algo in sorted(venue.ledger.algos.values(), key=lambda algo: algo.number):
        if algo.symbol != symbol:
            continue
        followed = _followed(algo, quote)
        if has_come(followed, quote):
            trigger(venue, followed)
        elif followed != algo:
            venue.ledger.put(followed)


def has_come(algo: AlgoOrder, quote: Quote) -> bool:
    """Whether the price that triggers it has come."""
    price = _working_price(algo, quote)
    rises = (algo.side == BUY) != algo.kind.startswith("TAKE_PROFIT")
    level = algo.trigger_price
    if algo.kind == TRAILING:
        if not algo.extreme_price:
            return False
        share = algo.callback_rate / 100
        level = algo.extreme_price * (1 + share if algo.side == BUY else 1 - share)
    return price >= level if rises else price <= level


def trigger(venue: Venue, algo: AlgoOrder) -> None:
    """Send the order of a conditional order."""
    now = venue.now_ms
    algo = _change(venue, replace(algo, triggered_ms=now), "TRIGGERING")
    held = venue.ledger.position(algo.symbol).quantity
    if algo.close_position and (held >= 0 if algo.side == BUY else held <= 0):
        _change(venue, algo, "EXPIRED", reason="there is no position to close")
        return
    try:
        order = accept(venue, _request_of(venue, algo), algo=algo.number, close_position=algo.close_position)
    except VenueError as error:
        _change(venue, algo, "REJECTED", reason=error.message)
        return
    _change(venue, replace(algo, child=order.number), "TRIGGERED", child=order)
    take(venue, order)


def _request_of(venue: Venue, algo: AlgoOrder) -> OrderRequest:
    """Order that a conditional order sends; a matched price is that of the book now."""
    held, price = venue.ledger.position(algo.symbol).quantity, algo.price
    if algo.price_match != NO_MATCH:
        price = matched_price(venue, algo.symbol, algo.side, algo.price_match)
    return OrderRequest(
        symbol=algo.symbol,
        side=algo.side,
        kind="LIMIT" if price else "MARKET",
        time_in_force=algo.time_in_force,
        quantity=abs(held) if algo.close_position else algo.quantity,
        price=price,
        reduce_only=algo.reduce_only,
        client_id=algo.client_id,
        good_till_ms=0,
        price_match=algo.price_match,
    )


def _change(
    venue: Venue, algo: AlgoOrder, status: str, *, child: Order | None = None, reason: str = ""
) -> AlgoOrder:
    algo = replace(algo, status=status, updated_ms=venue.now_ms)
    venue.ledger.put(algo)
    tell_algo(venue, algo, child=child, reason=reason)
    return algo


def _check(venue: Venue, algo: AlgoOrder) -> None:
    if algo.symbol in venue.halted:
        raise refusal("halted")
    others = list(venue.ledger.algos.values())
    if any(other.client_id == algo.client_id for other in others):
        raise refusal("duplicate")
    if sum(other.symbol == algo.symbol for other in others) >= _MOST_ALGOS:
        raise refusal("many_stops")
    twins = (other for other in others if (other.symbol, other.side) == (algo.symbol, algo.side))
    if algo.close_position and any(
        twin.close_position and twin.kind.split("_")[0] == algo.kind.split("_")[0] for twin in twins
    ):
        raise refusal("close_position")
    quote = venue.quote(algo.symbol)
    if algo.kind != TRAILING and has_come(algo, quote):
        raise refusal("would_trigger")
    price = _working_price(algo, quote)
    if algo.activate_price and (
        algo.activate_price >= price if algo.side == BUY else algo.activate_price <= price
    ):
        raise refusal("would_trigger")


def _closes_position(query: Query) -> bool:
    closes = flag(query, "closePosition")
    if closes and query.values.get("quantity"):
        raise refusal("not_required", "quantity")
    if closes and query.values.get("reduceOnly"):
        raise refusal("not_required", "reduceOnly")
    return closes


def _trigger_terms(query: Query, contract: Contract) -> _Terms:
    return _Terms(trigger_price=price_of(query, "triggerPrice", contract))


def _trailing_terms(query: Query, contract: Contract) -> _Terms:
    rate = decimal_of(query, "callbackRate")
    if not _LEAST_CALLBACK <= rate <= _MOST_CALLBACK:
        raise refusal("callback_rate")
    wakes_at = price_of(query, "activatePrice", contract) if query.values.get("activatePrice") else ZERO
    return _Terms(callback_rate=rate, activate_price=wakes_at)


def _working_price(algo: AlgoOrder, quote: Quote) -> Decimal:
    return quote.mark if algo.working_type == "MARK_PRICE" else quote.last


def _followed(algo: AlgoOrder, quote: Quote) -> AlgoOrder:
    """Trailing stop with the best price that it has seen."""
    if algo.kind != TRAILING:
        return algo
    price = _working_price(algo, quote)
    better = min if algo.side == BUY else max
    wakes_at = algo.activate_price or price
    if not algo.extreme_price and better(price, wakes_at) != price:
        return algo
    return replace(algo, extreme_price=better(price, algo.extreme_price or price))
