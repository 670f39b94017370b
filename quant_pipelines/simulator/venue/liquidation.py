"""Liquidation: what the venue does when a position's margin no longer covers its maintenance margin.

The rule is that of ``accounting.margin``, tested on mark price at every moment. The closing order takes from
the book like any other (client id ``autoclose-…``, execution type CALCULATED); the income INSURANCE_CLEAR is
the liquidation fee, or what the insurance fund pays so that a wallet never ends below zero.
"""

from decimal import Decimal

from quant_pipelines.simulator.venue.booking import Match, Movement, book_income
from quant_pipelines.simulator.venue.contract import money
from quant_pipelines.simulator.venue.margin import cross_maintenance, margins
from quant_pipelines.simulator.venue.matching import close, execute, limit_of, reachable, walk
from quant_pipelines.simulator.venue.messages import tell_account, tell_margin_call, tell_order
from quant_pipelines.simulator.venue.records import BUY, LIQUIDATION_PREFIX, SELL, ZERO, Order, PositionRecord
from quant_pipelines.simulator.venue.state import Venue

_CALL_AT = Decimal("0.8")  # maintenance margin over margin


def liquidate_what_must(venue: Venue) -> None:
    """Close every position whose margin is used up at the prices of now."""
    held = [position for position in venue.ledger.positions.values() if position.quantity]
    for position in held:
        if (
            position.is_isolated
            and _isolated_margin(venue, position) <= margins(venue, position.symbol).maintenance
        ):
            _liquidate(venue, position)
    while True:
        crossed = [
            position
            for position in venue.ledger.positions.values()
            if position.quantity and not position.is_isolated
        ]
        maintenance, profit = cross_maintenance(venue)
        if not crossed or _cross_wallet(venue) + profit > maintenance:
            return
        _liquidate(
            venue,
            max(crossed, key=lambda position: (margins(venue, position.symbol).maintenance, position.symbol)),
        )


def warn_what_is_close(venue: Venue) -> None:
    """Send a margin call once for each position that has come close to its liquidation."""
    maintenance, profit = cross_maintenance(venue)
    cross_margin = _cross_wallet(venue) + profit
    close_by = set()
    for position in venue.ledger.positions.values():
        if not position.quantity:
            continue
        margin, needed = cross_margin, maintenance
        if position.is_isolated:
            margin, needed = _isolated_margin(venue, position), margins(venue, position.symbol).maintenance
        if needed >= _CALL_AT * margin:
            close_by.add(position.symbol)
    for symbol in sorted(close_by - venue.warned):
        tell_margin_call(venue, symbol)
    venue.warned = close_by


def _liquidate(venue: Venue, position: PositionRecord) -> None:
    symbol = position.symbol
    for order in [order for order in venue.ledger.orders.values() if _backs(venue, order, position)]:
        close(venue, order, "CANCELED")
    margin_before = position.isolated_wallet
    order = _closing_order(venue, position)
    venue.ledger.put(order)
    tell_order(venue, order, "NEW")
    wallet_before = venue.ledger.account.wallet
    value = _close_all(venue, order).quote
    if position.is_isolated:
        left = margin_before + venue.ledger.account.wallet - wallet_before
    else:
        left = _cross_wallet(venue) + cross_maintenance(venue)[1]
    fee = min(money(value * venue.contracts[symbol].liquidation_fee), money(left))
    clearing = -fee  # negative: the fee; positive: what the fund pays because margin was not enough
    if clearing:
        book_income(venue.ledger, Movement("INSURANCE_CLEAR", clearing, venue.now_ms, symbol))
        tell_account(venue, "INSURANCE_CLEAR", symbol, ts_ms=venue.now_ms)


def _close_all(venue: Venue, order: Order) -> Order:
    """Take what the book offers, the rest at its last level's price, without one at the market bound."""
    levels = list(reachable(venue, order))
    order = walk(venue, order, levels)
    if not order.leaves:
        return order
    price = levels[-1][0] if levels else limit_of(venue, order)
    fee_rate = venue.contracts[order.symbol].taker_fee
    return execute(venue, order, Match(price, order.leaves, fee_rate, is_maker=False))


def _closing_order(venue: Venue, position: PositionRecord) -> Order:
    now = venue.now_ms
    return Order(
        number=venue.ledger.next_number(),
        client_id=f"{LIQUIDATION_PREFIX}{now}{venue.ledger.account.last_number}",
        symbol=position.symbol,
        side=SELL if position.quantity > 0 else BUY,
        kind="MARKET",
        time_in_force="IOC",
        quantity=abs(position.quantity),
        price=ZERO,
        reduce_only=False,
        close_position=False,
        algo=0,
        good_till_ms=0,
        status="NEW",
        filled=ZERO,
        quote=ZERO,
        created_ms=now,
        updated_ms=now,
    )


def _backs(venue: Venue, order: Order, position: PositionRecord) -> bool:
    """Whether an open order draws on the margin of a position."""
    if position.is_isolated:
        return order.symbol == position.symbol
    return not venue.ledger.position(order.symbol).is_isolated


def _isolated_margin(venue: Venue, position: PositionRecord) -> Decimal:
    return position.isolated_wallet + margins(venue, position.symbol).profit


def _cross_wallet(venue: Venue) -> Decimal:
    isolated = sum((position.isolated_wallet for position in venue.ledger.positions.values()), ZERO)
    return venue.ledger.account.wallet - isolated
