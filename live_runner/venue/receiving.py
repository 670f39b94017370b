"""What a venue has filled and paid, shared over the books of a place and committed as one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from live_runner.venue.attribution import Attributed
from live_runner.venue.place import Brokers, PlaceBooks
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, HARD_STOP, LIMIT_ORDER, STOP_ORDER, TARGET
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.store.trading import Fill, Income, Intent
from quant_pipelines.trading.netting import mutual_funding, shared_amount, shared_quantity
from quant_pipelines.trading.purposes import STOP, number_of
from quant_pipelines.trading.venue import Payment

Paid: TypeAlias = set[tuple[str, int]]
"""Kind and time (milliseconds UTC) of payments."""

_REASONS = {STOP: EXIT_REASONS[HARD_STOP]}  # of the rows that do not name it
_OF_KIND = {"limit": LIMIT_ORDER, "stop_market": STOP_ORDER}
_ZERO = Decimal(0)
_SETTLES_MS = MINUTE_MS
"""How long after a slot it is certain that the venue pays nothing for it."""


class Booked(NamedTuple):
    """A fill, and the deployment that it was booked for."""

    deployment_id: int
    fill: Fill


def book_trades(
    books: PlaceBooks, trades: Iterable[Attributed], at: datetime, *, halts: Mapping[int, str]
) -> list[Booked]:
    """Commit what is new of trades, and the positions after them; returns the new fills.

    With new fills that are EXTERNAL, ``halts`` (why each deployment may not go on) are committed too.
    """
    fills = _shared(books, trades)
    booked = [Booked(key, fill) for key, mine in fills.items() for fill in mine]
    if not booked:
        return []
    why = halts if any(one.fill.client_order_id is None for one in booked) else {}
    received = [
        books.brokers[key].stage(mine, (), halt=why.get(key, ""), at=at)
        for key, mine in fills.items()
        if mine or why.get(key)
    ]
    books.journal.receive(books.epoch, received, at)
    return booked


def book_payments(
    books: PlaceBooks, payments: Iterable[Payment], *, since_ms: int, now_ms: int, paid: Paid
) -> None:
    """Commit what is new of payments, and what books owe each other for slots since then.

    ``paid`` is what was booked at the place so far, also by books that have left since; what is booked now is
    added to it.
    """
    income: dict[int, list[Income]] = {key: [] for key in books.brokers}
    for payment in payments:
        if not _is_paid(books, paid, payment.kind, payment.ts_ms):
            for key, amount in _payment_parts(books.brokers, payment).items():
                income[key].append(Income(payment.kind, from_ms(payment.ts_ms), amount))
    paid_ms = {payment.ts_ms // MINUTE_MS for payment in payments}
    slots = {slot.ts_ms: slot for broker in books.brokers.values() for slot in broker.slots}
    for ts_ms, slot in sorted(slots.items()):
        is_certain = since_ms <= ts_ms <= now_ms - _SETTLES_MS and ts_ms // MINUTE_MS not in paid_ms
        held = {key: broker.tally.held_before(ts_ms) for key, broker in books.brokers.items()}
        if is_certain and not sum(held.values(), _ZERO) and not _is_paid(books, paid, "funding", ts_ms):
            parts = mutual_funding(Decimal(repr(slot.rate)), Decimal(repr(slot.price)), held)
            for key, amount in parts.items():
                income[key].append(Income("funding", from_ms(ts_ms), amount))
    at = from_ms(now_ms)
    received = [books.brokers[key].stage((), rows, at=at) for key, rows in income.items() if rows]
    if received:
        books.journal.receive(books.epoch, received, at)
        paid.update((row.kind, to_ms(row.ts)) for rows in income.values() for row in rows)


def _is_paid(books: PlaceBooks, paid: Paid, kind: str, ts_ms: int) -> bool:
    """Whether a payment is booked, also in a book that has left since."""
    return (kind, ts_ms) in paid or any(
        broker.tally.has_payment(kind, ts_ms) for broker in books.brokers.values()
    )


def _payment_parts(brokers: Brokers, payment: Payment) -> dict[int, Decimal]:
    """Parts of a payment by what was held at its time; what nobody held for is the oldest book's."""
    held = {key: broker.tally.held_before(payment.ts_ms) for key, broker in brokers.items()}
    has_net = len(brokers) > 1 and bool(sum(held.values(), _ZERO))
    parts = shared_amount(payment.amount, held) if has_net else {}
    return parts or {min(brokers): payment.amount}


def _shared(books: PlaceBooks, trades: Iterable[Attributed]) -> dict[int, list[Fill]]:
    """Return fills by book; each trade is shared by what is held after those before it."""
    held = {key: broker.position().quantity for key, broker in books.brokers.items()}
    fills: dict[int, list[Fill]] = {key: [] for key in books.brokers}
    known = set[str]()
    for one in trades:
        number = one.trade.trade_id
        if number in known or any(broker.tally.has_trade(number) for broker in books.brokers.values()):
            continue
        known.add(number)
        for key, fill in _fills_of(books, one, held):
            fills[key].append(fill)
            held[key] += fill.signed_quantity
    return fills


def _fills_of(books: PlaceBooks, one: Attributed, held: Mapping[int, Decimal]) -> list[Booked]:
    trade, name = one.trade, one.client_order_id
    owner = next((key for key, broker in books.brokers.items() if name in broker.orders), None)
    reason = one.reason
    if owner is not None and name is not None:
        intent = books.brokers[owner].orders[name].intent
        reason = intent.exit_reason or _reason(intent)
    parts = _quantities(books, one, held, owner)
    fees, profits = (_amounts(amount, parts) for amount in (trade.fee, trade.realized_pnl))
    if owner is not None and name is not None:
        books.brokers[owner].tally.add_elsewhere(name, trade.quantity - parts.get(owner, _ZERO))
    return [
        Booked(
            key,
            Fill(
                trade.trade_id,
                name,
                trade.side,
                quantity,
                trade.price,
                fees.get(key, _ZERO),
                reason,
                from_ms(trade.ts_ms),
                profits.get(key, _ZERO),
                part,
            ),
        )
        for part, (key, quantity) in enumerate(parts.items())
    ]


def _reason(intent: Intent) -> str:
    """Reason of an order's fills where its intent names none, as in every driver."""
    if number_of(intent.purpose):
        return EXIT_REASONS[_OF_KIND.get(intent.order_type, TARGET)]
    return _REASONS.get(intent.purpose, intent.purpose)


def _quantities(
    books: PlaceBooks, one: Attributed, held: Mapping[int, Decimal], owner: int | None
) -> dict[int, Decimal]:
    """Part of each book in a trade: an order's own is its book's, what closes the net is everybody's."""
    trade, name = one.trade, one.client_order_id
    over = min(books.brokers) if owner is None else owner
    closes_net = owner is None or books.brokers[owner].orders[name or ""].intent.purpose == STOP
    if not closes_net:
        return {over: trade.quantity}
    sign = 1 if trade.side == "sell" else -1
    closed = {key: sign * mine for key, mine in held.items() if sign * mine > 0}
    return shared_quantity(trade.quantity, closed, books.lot_size, over=over)


def _amounts(amount: Decimal, parts: Mapping[int, Decimal]) -> dict[int, Decimal]:
    if len(parts) == 1:
        return dict.fromkeys(parts, amount)
    return shared_amount(amount, parts)
