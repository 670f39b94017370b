"""Which fills of the runner and of the replay belong together, and what differs between them.

A pair is what both did about one order: the same decision, the same bar's stop. What its two sides brought
by the end of the day differs by price (of what both traded), by fee, and by quantity (what only one did).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.timeframes import floor_ms
from quant_pipelines.parity.journal import ZERO, DayFill, DayPayment, TradeKind

PartKind: TypeAlias = Literal["price", "fee", "quantity", "funding", "income", "bars", "holes"]
"""What of a difference is explained."""
PRECISION: Final = 80
"""Digits of the comparison: more than sums and products of what is stored have."""


class Side(NamedTuple):
    """What one of the two did.

    Base and quote, signed; the fee; first and last fill, milliseconds UTC; the price at its arrival.
    """

    quantity: Decimal = ZERO
    value: Decimal = ZERO
    fee: Decimal = ZERO
    first_ms: int = 0
    last_ms: int = 0
    arrival: Decimal | None = None
    is_internal: bool = False

    @property
    def price(self) -> Decimal:
        """Average price, quote per base; 0 of nothing."""
        return self.value / self.quantity if self.quantity else ZERO

    def with_trade(self, trade: DayFill) -> "Side":
        """Return it with one more fill."""
        return Side(
            self.quantity + trade.quantity,
            self.value + trade.quantity * trade.price,
            self.fee + trade.fee,
            self.first_ms or trade.ts_ms,
            max(self.last_ms, trade.ts_ms),
            trade.arrival if self.arrival is None else self.arrival,
            self.is_internal or trade.is_internal,
        )


class PairKey(NamedTuple):
    """What tells pairs apart: what made them, and when they were decided on or fired."""

    kind: TradeKind
    at_ms: int


class Pair(NamedTuple):
    """One order: what made it, when it was decided on or fired (ms UTC), and what both did."""

    kind: TradeKind
    at_ms: int
    actual: Side = Side()
    replayed: Side = Side()

    @property
    def matched(self) -> Decimal:
        """Quantity that both traded on the same side, base, signed."""
        mine, theirs = self.actual.quantity, self.replayed.quantity
        if mine * theirs <= ZERO:
            return ZERO
        return min(mine, theirs, key=abs)

    @property
    def when_ms(self) -> int:
        """When it was filled first, milliseconds UTC."""
        return self.actual.first_ms or self.replayed.first_ms


class Piece(NamedTuple):
    """A piece of the difference.

    Parameters
    ----------
    kind
        What differs.
    at_ms
        When, milliseconds UTC.
    left
        What is not explained yet: quote, or of a quantity base, signed; actual minus replayed.
    worth
        Quote that one of ``left`` is worth: 1; of a quantity, what a unit earned by the day's end.
    pair
        Where it comes from; None for payments.
    actual, replayed
        Of a payment: both amounts, quote.
    """

    kind: PartKind
    at_ms: int
    left: Decimal
    worth: Decimal = Decimal(1)
    pair: Pair | None = None
    actual: Decimal = ZERO
    replayed: Decimal = ZERO

    @property
    def money(self) -> Decimal:
        """What is not explained yet, quote."""
        return self.left * self.worth


def paired(actual: Iterable[DayFill], replayed: Iterable[DayFill], step_ms: int) -> list[Pair]:
    """Bring the fills of both together, in the order in which they were made."""
    pairs: dict[PairKey, Pair] = {}
    for trade in actual:
        pair = _found(pairs, trade, step_ms)
        pairs[PairKey(pair.kind, pair.at_ms)] = pair._replace(actual=pair.actual.with_trade(trade))
    for trade in replayed:
        pair = _found(pairs, trade, step_ms)
        pairs[PairKey(pair.kind, pair.at_ms)] = pair._replace(replayed=pair.replayed.with_trade(trade))
    return sorted(pairs.values(), key=lambda pair: (pair.when_ms, pair.at_ms))


def parts_of(pair: Pair, end_price: Decimal) -> list[Piece]:
    """Pieces by which the two sides of a pair differ; those that are 0 are left out."""
    mine, theirs, both = pair.actual, pair.replayed, pair.matched
    only_mine, only_theirs = mine.quantity - both, theirs.quantity - both
    parts = [
        Piece("price", pair.when_ms, both * (theirs.price - mine.price), pair=pair),
        Piece("fee", pair.when_ms, theirs.fee - mine.fee, pair=pair),
        Piece("quantity", pair.when_ms, -only_theirs, end_price - theirs.price, pair=pair),
        Piece("quantity", pair.when_ms, only_mine, end_price - mine.price, pair=pair),
    ]
    return [part for part in parts if part.left]


def paid_parts(actual: Iterable[DayPayment], replayed: Iterable[DayPayment], step_ms: int) -> list[Piece]:
    """Pieces by which payments differ, by slot; capital that was moved is none."""
    mine, theirs = _sums(actual, step_ms), _sums(replayed, step_ms)
    parts = []
    for key in sorted(mine.keys() | theirs.keys(), key=lambda key: (key[1], key[0])):
        both = (mine.get(key, ZERO), theirs.get(key, ZERO))
        kind: PartKind = "funding" if key[0] == "funding" else "income"
        parts.append(Piece(kind, key[1], both[0] - both[1], actual=both[0], replayed=both[1]))
    return [part for part in parts if part.left]


def earned(trades: Iterable[DayFill], payments: Iterable[DayPayment], end_price: Decimal) -> Decimal:
    """Sum what fills and payments brought by the end of the day, quote; capital that was moved is nothing."""
    traded = sum((one.quantity * (end_price - one.price) - one.fee for one in trades), ZERO)
    return traded + sum((one.amount for one in payments if one.kind != "transfer"), ZERO)


def _found(pairs: Mapping[PairKey, Pair], trade: DayFill, step_ms: int) -> Pair:
    at_ms = floor_ms(trade.ts_ms, step_ms)
    if trade.kind == "target":
        at_ms = trade.decided_ms
    elif trade.kind == "order":
        at_ms = trade.number
    return pairs.get(PairKey(trade.kind, at_ms), Pair(trade.kind, at_ms))


def _sums(payments: Iterable[DayPayment], step_ms: int) -> dict[tuple[str, int], Decimal]:
    sums: dict[tuple[str, int], Decimal] = {}
    for one in payments:
        if one.kind != "transfer":
            key = (one.kind, floor_ms(one.ts_ms, step_ms))
            sums[key] = sums.get(key, ZERO) + one.amount
    return sums
