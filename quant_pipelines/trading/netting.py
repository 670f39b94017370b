"""Several books on one position of a venue: what each of them gets, and what the venue has to see of it.

A venue knows one position for each symbol of an account, the net of all books. Every function here shares
something out over books and loses nothing of it: the parts sum to the whole, to the last digit.

==============================================  =====================================================
what there is                                   what becomes of it
==============================================  =====================================================
orders of one cycle, all on one side            each is sent as it is
orders of one cycle, on both sides              what both sides have in common crosses between books,
                                                the lowest names first; what is left of the larger
                                                side is sent, and nothing of the smaller one
an order that brings the net nearer to flat,    may be sent to reduce only, and is free of the
and not past it                                 smallest notional
any other order, also one that closes a book    is sent plain: to reduce only, it would be refused
an order that takes the net further from flat,  is asked of the account as one that opens
also one that closes a book
a trade of a book's own order                   is that book's
a trade of a stop over the net, or of the       is shared over the books on the side that it closes,
venue itself (liquidation)                      by what each holds, in lots
a payment (funding)                             is shared by what each held at its time, signed: who is
                                                long pays what who is short receives
funding at a net of zero: the venue pays        every book pays or receives for itself, which sums to
nothing                                         zero
==============================================  =====================================================
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from quant_pipelines.core.orders import Side

_ZERO = Decimal(0)
_DIGIT = Decimal("1e-8")
"""Payments are told to this digit, or a finer one."""


class UnsentOrder(NamedTuple):
    """Order that a book has committed and nobody has sent: its name, side, and base quantity, unsigned."""

    name: str
    side: Side
    quantity: Decimal


class Cross(NamedTuple):
    """What two books trade with each other: the names of their orders, and base quantity, unsigned."""

    buy: str
    sell: str
    quantity: Decimal


class Netted(NamedTuple):
    """What is sent of each order, by its name (zero for one that crosses wholly), and what crosses."""

    rests: dict[str, Decimal]
    crosses: tuple[Cross, ...]


def netted(wishes: Iterable[UnsentOrder]) -> Netted:
    """Cross what two sides have in common.

    Examples
    --------
    >>> rests, crosses = netted([UnsentOrder("a", "buy", Decimal(3)), UnsentOrder("b", "sell", Decimal(1))])
    >>> rests, crosses == (Cross("a", "b", Decimal(1)),)
    ({'a': Decimal('2'), 'b': Decimal('0')}, True)
    """
    known = sorted(wishes, key=lambda wish: wish.name)  # not by who was faster
    rests = {wish.name: wish.quantity for wish in known}
    buys = [wish.name for wish in known if wish.side == "buy"]
    sells = [wish.name for wish in known if wish.side == "sell"]
    crosses: list[Cross] = []
    while buys and sells:
        quantity = min(rests[buys[0]], rests[sells[0]])
        crosses.append(Cross(buys[0], sells[0], quantity))
        for names in (buys, sells):
            rests[names[0]] -= quantity
            if not rests[names[0]]:
                names.pop(0)
    return Netted(rests, tuple(crosses))


def reduces_net(net: Decimal, change: Decimal) -> bool:
    """Whether an order brings the net nearer to flat and not past it; base, signed.

    Examples
    --------
    >>> [reduces_net(Decimal(2), Decimal(change)) for change in (-2, -3, 1)]
    [True, False, False]
    """
    return net * change < 0 and abs(change) <= abs(net)


def leads_from_flat(net: Decimal, change: Decimal) -> bool:
    """Whether an order takes the net further from flat, on whichever side; base, signed.

    Examples
    --------
    >>> [leads_from_flat(Decimal(2), Decimal(change)) for change in (-2, -4, -5, 1)]
    [False, False, True, True]
    """
    return abs(net + change) > abs(net)


def shared_quantity(
    quantity: Decimal, held: Mapping[int, Decimal], lot: Decimal, *, over: int
) -> dict[int, Decimal]:
    """Share a trade out over books by what each holds.

    Parameters
    ----------
    quantity
        Base, unsigned.
    held
        What each book holds on the side that is closed, base, unsigned.
    lot
        Step of the parts.
    over
        The book that takes what is more than all hold.

    Returns
    -------
    dict
        Parts by book, none of them zero; no book gets more than it holds, but for the one that takes the
        rest.

    Examples
    --------
    >>> held = {1: Decimal(3), 2: Decimal(1)}
    >>> shared_quantity(Decimal(2), held, Decimal(1), over=1)
    {1: Decimal('2')}
    >>> shared_quantity(Decimal(5), held, Decimal(1), over=2)
    {1: Decimal('3'), 2: Decimal('2')}
    """
    total = sum(held.values(), _ZERO)
    closes = min(quantity, total)
    fair = {book: closes * mine / total if total else _ZERO for book, mine in sorted(held.items())}
    parts = {book: min(_floored(part, lot), held[book]) for book, part in fair.items()}
    by_remainder = sorted(fair, key=lambda book: (parts[book] - fair[book], book))
    left = closes - sum(parts.values(), _ZERO)
    while left > 0:  # a lot each, and whatever is less than one
        for book in by_remainder:
            more = min(lot, left, held[book] - parts[book])
            parts[book], left = parts[book] + more, left - more
    parts[over] = parts.get(over, _ZERO) + quantity - closes
    return {book: part for book, part in sorted(parts.items()) if part}


def shared_amount(amount: Decimal, weights: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Share an amount of money out by signed weights, which do not sum to zero.

    Each part is rounded toward zero; the rest goes to the heaviest book, the lowest number of equals.

    Examples
    --------
    >>> shared_amount(Decimal("-0.00000003"), {1: Decimal(2), 2: Decimal(-1)})
    {1: Decimal('-6E-8'), 2: Decimal('3E-8')}
    >>> shared_amount(Decimal("0.00000010"), {1: Decimal(1), 2: Decimal(1), 3: Decimal(1)})
    {1: Decimal('4E-8'), 2: Decimal('3E-8'), 3: Decimal('3E-8')}
    """
    total = sum(weights.values(), _ZERO)
    digit = _digit_of(amount)
    parts = {book: _floored(amount * mine / total, digit) for book, mine in sorted(weights.items())}
    return _with_rest(parts, amount, weights)


def mutual_funding(rate: Decimal, price: Decimal, held: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Return what books receive of each other in a slot in which they net to zero; it sums to zero.

    Parameters
    ----------
    rate
        Fraction of the notional that who is long pays.
    price
        Mark price at the slot, quote per base.
    held
        What each book held, base, signed; it sums to zero.

    Examples
    --------
    >>> mutual_funding(Decimal("0.0001"), Decimal(50_000), {1: Decimal(2), 2: Decimal(-2)})
    {1: Decimal('-10.0000'), 2: Decimal('10.0000')}
    """
    parts = {book: _floored(-mine * price * rate, _DIGIT) for book, mine in sorted(held.items()) if mine}
    return _with_rest(parts, _ZERO, held)


def _with_rest(
    parts: dict[int, Decimal], amount: Decimal, weights: Mapping[int, Decimal]
) -> dict[int, Decimal]:
    if parts:
        heaviest = min(parts, key=lambda book: (-abs(weights[book]), book))
        parts[heaviest] += amount - sum(parts.values(), _ZERO)
    return {book: part for book, part in parts.items() if part}


def _floored(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_DOWN) * step


def _digit_of(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    return min(_DIGIT, Decimal(1).scaleb(exponent)) if isinstance(exponent, int) else _DIGIT
