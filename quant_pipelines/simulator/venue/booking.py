"""The only code that changes a position or the wallet: fills, funding, transfers, insurance."""

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.simulator.venue.contract import money
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import BUY, ZERO, FillRecord, IncomeRecord, Order, PositionRecord


class Match(NamedTuple):
    """What was executed: price, quantity (unsigned), the fee's rate and on which side of the book."""

    price: Decimal
    quantity: Decimal
    fee_rate: Decimal
    is_maker: bool


class Movement(NamedTuple):
    """What moves the wallet: its kind, quote (positive is received), milliseconds UTC, and what it is for."""

    kind: str
    amount: Decimal
    ts_ms: int
    symbol: str = ""
    trade: int = 0


def book_income(ledger: Ledger, movement: Movement) -> None:
    """Add one row of income and move the wallet by it."""
    ledger.put(IncomeRecord(number=ledger.next_number(), **movement._asdict()))
    ledger.put(replace(ledger.account, wallet=ledger.account.wallet + movement.amount))


def book_fill(ledger: Ledger, order: Order, execution: Match, ts_ms: int) -> tuple[Order, FillRecord]:
    """Book one execution of an order: order, position, realized profit, fee.

    Profit is realized against the average cost of what is open. The cost that a partial close releases is
    rounded to what can be booked and the rest stays, so over a round trip realized profit is exactly
    proceeds minus outlay.
    """
    price, quantity = execution.price, execution.quantity
    signed = quantity if order.side == BUY else -quantity
    quote = price * quantity
    before = ledger.position(order.symbol)
    after, profit = moved(before, signed, price, ts_ms)
    fee = money(quote * execution.fee_rate)
    fill = FillRecord(
        number=ledger.next_fill(),
        order_number=order.number,
        symbol=order.symbol,
        side=order.side,
        price=price,
        quantity=quantity,
        quote=quote,
        realized_pnl=profit,
        fee=fee,
        is_maker=execution.is_maker,
        ts_ms=ts_ms,
    )
    ledger.put(fill)
    ledger.put(after)
    if profit:
        book_income(ledger, Movement("REALIZED_PNL", profit, ts_ms, order.symbol, fill.number))
    if fee:
        book_income(ledger, Movement("COMMISSION", -fee, ts_ms, order.symbol, fill.number))
    filled = order.filled + quantity
    status = "FILLED" if filled == order.quantity else "PARTIALLY_FILLED"
    order = replace(order, filled=filled, quote=order.quote + quote, status=status, updated_ms=ts_ms)
    ledger.put(order)
    return order, fill


def moved(
    position: PositionRecord, signed: Decimal, price: Decimal, ts_ms: int
) -> tuple[PositionRecord, Decimal]:
    """Position after a signed execution, and the profit that it realizes.

    An execution through zero closes all and opens the rest at its own price. Under isolated margin what
    opens takes its initial margin from the cross wallet, and what closes gives its share back.
    """
    held = position.quantity
    closed = ZERO if held * signed >= 0 else min(abs(signed), abs(held)).copy_sign(held)
    opened = signed + closed
    released, wallet = ZERO, position.isolated_wallet
    if closed and closed == held:
        released, wallet = position.cost, ZERO
    elif closed:
        released = money(position.cost * closed / held)
        wallet -= money(wallet * closed / held)
    if position.is_isolated and opened:
        wallet += money(abs(opened) * price / position.leverage)
    profit = closed * price - released
    after = replace(
        position,
        quantity=held + signed,
        cost=position.cost - released + opened * price,
        isolated_wallet=wallet,
        realized_pnl=position.realized_pnl + profit,
        updated_ms=ts_ms,
    )
    return after, profit


def book_funding(ledger: Ledger, symbol: str, *, rate: Decimal, mark: Decimal, ts_ms: int) -> Decimal:
    """Book one funding payment on what is held; positive is received. Longs pay a positive rate.

    An isolated position pays from its own wallet.
    """
    position = ledger.position(symbol)
    amount = money(-position.quantity * mark * rate)
    if not amount:
        return amount
    book_income(ledger, Movement("FUNDING_FEE", amount, ts_ms, symbol))
    if position.is_isolated:
        wallet = position.isolated_wallet + amount
        ledger.put(replace(position, isolated_wallet=wallet, updated_ms=ts_ms))
    return amount
