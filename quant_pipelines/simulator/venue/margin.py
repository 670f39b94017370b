"""Margin: what positions and open orders bind, what is left, and how far from liquidation a position is."""

from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.simulator.venue.brackets import liquidation_price, maintenance_margin
from quant_pipelines.simulator.venue.records import BUY, ZERO, Order, PositionRecord
from quant_pipelines.simulator.venue.state import Venue


class Margins(NamedTuple):
    """One symbol's margin, quote.

    Parameters
    ----------
    notional
        Signed value of the position at mark.
    profit
        Unrealized.
    position_margin, order_margin
        Initial margin of the position, and what open orders add to it.
    maintenance
        What must be kept.
    """

    notional: Decimal
    profit: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal


class Funds(NamedTuple):
    """The whole account, quote; ``available`` is what new positions may bind."""

    wallet: Decimal
    cross_wallet: Decimal
    profit: Decimal
    cross_profit: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    available: Decimal


def margins(venue: Venue, symbol: str, with_order: Order | None = None) -> Margins:
    """Margin of one symbol; with ``with_order`` in the book, in place of the order with its number.

    Notes ----- Initial margin is ``max(|position + bids|, |position - asks|) / leverage``: orders on
    opposite sides do not add up. Reduce-only orders bind nothing.
    """
    position = venue.ledger.position(symbol)
    mark = venue.quotes[symbol].mark if symbol in venue.quotes else position.entry_price
    notional = position.quantity * mark
    bids = asks = ZERO
    orders = {order.number: order for order in venue.ledger.orders.values() if order.symbol == symbol}
    if with_order:
        orders[with_order.number] = with_order
    for order in orders.values():
        if order.reduce_only or order.close_position:
            continue
        value = order.leaves * (order.price or mark)
        bids, asks = (bids + value, asks) if order.side == BUY else (bids, asks + value)
    bound = max(abs(notional + bids), abs(notional - asks))
    brackets = venue.contracts[symbol].brackets
    return Margins(
        notional=notional,
        profit=position.profit_at(mark),
        position_margin=abs(notional) / position.leverage,
        order_margin=(bound - abs(notional)) / position.leverage,
        maintenance=maintenance_margin(brackets, abs(notional)),
    )


def bound_symbols(venue: Venue) -> set[str]:
    """Symbols with a position or an open order."""
    symbols = {position.symbol for position in venue.ledger.positions.values() if position.quantity}
    return symbols | {order.symbol for order in venue.ledger.orders.values()}


def funds(venue: Venue) -> Funds:
    """Funds of the account at the prices of now.

    Notes
    -----
    Cross positions share the cross wallet; an isolated position has its wallet and binds nothing else.
    """
    wallet = venue.ledger.account.wallet
    isolated = sum((position.isolated_wallet for position in venue.ledger.positions.values()), ZERO)
    profit = cross_profit = position_margin = order_margin = maintenance = bound = ZERO
    for symbol in bound_symbols(venue):
        of = margins(venue, symbol)
        is_isolated = venue.ledger.position(symbol).is_isolated
        profit += of.profit
        cross_profit += ZERO if is_isolated else of.profit
        position_margin += of.position_margin
        order_margin += of.order_margin
        maintenance += of.maintenance
        bound += of.order_margin + (ZERO if is_isolated else of.position_margin)
    cross_wallet = wallet - isolated
    return Funds(
        wallet=wallet,
        cross_wallet=cross_wallet,
        profit=profit,
        cross_profit=cross_profit,
        position_margin=position_margin,
        order_margin=order_margin,
        maintenance=maintenance,
        available=max(ZERO, cross_wallet + cross_profit - bound),
    )


def cross_maintenance(venue: Venue, *, without: str = "") -> tuple[Decimal, Decimal]:
    """Maintenance margin and unrealized profit of all cross positions but one."""
    maintenance = profit = ZERO
    for position in venue.ledger.positions.values():
        if position.quantity and not position.is_isolated and position.symbol != without:
            of = margins(venue, position.symbol)
            maintenance += of.maintenance
            profit += of.profit
    return maintenance, profit


def liquidation_price_of(venue: Venue, position: PositionRecord) -> Decimal:
    """Mark price at which a position is liquidated, all other prices staying; 0 when there is none."""
    if not position.quantity:
        return ZERO
    backing = position.isolated_wallet
    if not position.is_isolated:
        maintenance, profit = cross_maintenance(venue, without=position.symbol)
        isolated = sum((other.isolated_wallet for other in venue.ledger.positions.values()), ZERO)
        backing = venue.ledger.account.wallet - isolated - maintenance + profit
    return liquidation_price(
        venue.contracts[position.symbol].brackets,
        quantity=position.quantity,
        cost=position.cost,
        margin=backing,
    )
