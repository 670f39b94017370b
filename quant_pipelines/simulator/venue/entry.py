"""Plain orders: accepted or refused, changed, canceled."""

from dataclasses import replace
from decimal import Decimal

from quant_pipelines.simulator.venue.brackets import largest_notional
from quant_pipelines.simulator.venue.margin import funds, margins
from quant_pipelines.simulator.venue.matching import can_fill_at_once, close, is_marketable, take
from quant_pipelines.simulator.venue.messages import tell_order
from quant_pipelines.simulator.venue.records import BUY, ZERO, Amendment, Order
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.requests import OrderRequest
from quant_pipelines.simulator.venue.state import Venue

_MOST_ORDERS = 200


def place(venue: Venue, request: OrderRequest) -> tuple[Order, Order]:
    """Accept an order and execute what can be executed at once.

    Returns
    -------
    tuple of Order
        The order as it was accepted, and as it is now.

    Raises
    ------
    VenueError
        If it is refused; nothing has changed then.
    """
    accepted = accept(venue, request)
    return accepted, take(venue, accepted)


def accept(venue: Venue, request: OrderRequest, *, algo: int = 0, close_position: bool = False) -> Order:
    """Accept an order without executing anything yet.

    Parameters
    ----------
    venue
        The venue.
    request
        What is wanted.
    algo
        Conditional order that sends it; 0 for none.
    close_position
        Whether it closes whatever is held.

    Raises
    ------
    VenueError
        If it is refused; nothing has changed then.
    """
    order = _new_order(venue, request, algo=algo, close_position=close_position)
    _check(venue, order)
    venue.ledger.next_number()
    venue.ledger.put(order)
    tell_order(venue, order, "NEW")
    return order


def cancel(venue: Venue, order: Order) -> Order:
    """Cancel an open order.

    Raises
    ------
    VenueError
        -2011 if it is not open any more.
    """
    if not order.is_open:
        raise refusal("not_open")
    return close(venue, order, "CANCELED")


def amend(venue: Venue, order: Order, *, quantity: Decimal, price: Decimal) -> Order:
    """Change an open limit order; one that is filled further already, or would become a taker, is canceled.

    Raises
    ------
    VenueError
        If it is not an open limit order, nothing would change, or the new order is refused.
    """
    if not order.is_open or order.kind != "LIMIT":
        raise refusal("not_open")
    if (quantity, price) == (order.quantity, order.price):
        raise refusal("no_change")
    changed = replace(order, quantity=quantity, price=price, updated_ms=venue.now_ms)
    would_take = order.time_in_force == "GTX" and is_marketable(venue, changed)
    if quantity <= order.filled or would_take:
        return close(venue, order, "CANCELED")
    _check(venue, changed)
    venue.ledger.put(changed)
    venue.ledger.put(_amendment(venue, order, changed))
    tell_order(venue, changed, "AMENDMENT")
    return take(venue, changed)


def preview(venue: Venue, request: OrderRequest) -> Order:
    """Check an order as if it were placed, and return what would be accepted.

    Raises
    ------
    VenueError
        If it would be refused.
    """
    order = _new_order(venue, request, algo=0, close_position=False)
    _check(venue, order)
    return order


def _amendment(venue: Venue, order: Order, changed: Order) -> Amendment:
    return Amendment(
        number=venue.ledger.next_number(),
        order_number=order.number,
        symbol=order.symbol,
        client_id=order.client_id,
        old_price=order.price,
        new_price=changed.price,
        old_quantity=order.quantity,
        new_quantity=changed.quantity,
        ts_ms=venue.now_ms,
    )


def _new_order(venue: Venue, request: OrderRequest, *, algo: int, close_position: bool) -> Order:
    number, now = venue.ledger.account.last_number + 1, venue.now_ms
    quantity = request.quantity
    if request.reduce_only or close_position:
        quantity = min(quantity, abs(venue.ledger.position(request.symbol).quantity))
    return Order(
        number=number,
        client_id=request.client_id or f"web_{number}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        time_in_force=request.time_in_force,
        quantity=quantity,
        price=request.price,
        reduce_only=request.reduce_only,
        close_position=close_position,
        algo=algo,
        good_till_ms=request.good_till_ms,
        status="NEW",
        filled=ZERO,
        quote=ZERO,
        created_ms=now,
        updated_ms=now,
        price_match=request.price_match,
    )


def _check(venue: Venue, order: Order) -> None:
    if order.symbol in venue.halted:
        raise refusal("halted")
    others = [other for other in venue.ledger.orders.values() if other.number != order.number]
    if any(other.client_id == order.client_id for other in others):
        raise refusal("duplicate")
    if sum(other.symbol == order.symbol for other in others) >= _MOST_ORDERS:
        raise refusal("many_orders")
    _check_price(venue, order)
    if order.reduce_only or order.close_position:
        held = venue.ledger.position(order.symbol).quantity
        if held >= 0 if order.side == BUY else held <= 0:
            raise refusal("reduce_only")
    else:
        _check_value(venue, order)
        _check_margin(venue, order)
    if order.time_in_force == "GTX" and is_marketable(venue, order):
        raise refusal("post_only")
    if order.time_in_force == "FOK" and not can_fill_at_once(venue, order):
        raise refusal("fill_or_kill")


def _check_price(venue: Venue, order: Order) -> None:
    contract, mark = venue.contracts[order.symbol], venue.quote(order.symbol).mark
    highest, lowest = mark * contract.highest_multiple, mark * contract.lowest_multiple
    if order.price and order.side == BUY and order.price > highest:
        raise refusal("price_high", contract.price_text(highest))
    if order.price and order.side != BUY and order.price < lowest:
        raise refusal("price_low", contract.price_text(lowest))


def _check_value(venue: Venue, order: Order) -> None:
    contract = venue.contracts[order.symbol]
    value = order.quantity * (order.price or venue.quote(order.symbol).last)
    if value < contract.min_notional:
        raise refusal("notional", contract.min_notional)


def _check_margin(venue: Venue, order: Order) -> None:
    """Refuse an order that binds more than is available.

    Counted are the margin that it adds and, if it takes, its fee and what it loses at once against mark.
    """
    contract, quote = venue.contracts[order.symbol], venue.quote(order.symbol)
    leverage = venue.ledger.position(order.symbol).leverage
    before, after = margins(venue, order.symbol), margins(venue, order.symbol, with_order=order)
    cost = after.order_margin - before.order_margin
    if cost <= 0:
        return
    bound = (after.position_margin + after.order_margin) * leverage
    if bound > largest_notional(contract.brackets, leverage):
        raise refusal("position_size")
    if is_marketable(venue, order):
        loss = quote.last - quote.mark if order.side == BUY else quote.mark - quote.last
        cost += order.leaves * (quote.last * contract.taker_fee + max(loss, ZERO))
    if cost > funds(venue).available:
        raise refusal("margin")
