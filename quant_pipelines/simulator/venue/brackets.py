"""Leverage brackets: the larger a position, the more margin it must keep and the less leverage it gets."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

_ZERO = Decimal(0)
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class LeverageBracket:
    """One bracket.

    Parameters
    ----------
    number
        Position in the table, from 1.
    leverage
        Highest leverage in it.
    floor, cap
        Notional that it begins above and ends at, quote.
    ratio
        Maintenance margin as a fraction of notional.
    amount
        Quote that is subtracted from ``notional * ratio``, so that maintenance margin has no jump.
    """

    number: int
    leverage: int
    floor: Decimal
    cap: Decimal
    ratio: Decimal
    amount: Decimal


class BracketRow(NamedTuple):
    """A bracket as published: its cap, quote, the maintenance ratio and the highest leverage."""

    cap: str
    ratio: str
    leverage: int


def brackets_from(rows: Iterable[BracketRow]) -> tuple[LeverageBracket, ...]:
    """Brackets of a table in order of the caps; ``amount`` follows from continuity.

    Notes
    -----
    ``amount[n] = amount[n-1] + floor[n] * (ratio[n] - ratio[n-1])``.
    """
    brackets: list[LeverageBracket] = []
    for number, (cap, ratio, leverage) in enumerate(rows, start=1):
        floor, before, amount = _ZERO, _ZERO, _ZERO
        if brackets:
            last = brackets[-1]
            floor, before, amount = last.cap, last.ratio, last.amount
        amount += floor * (Decimal(ratio) - before)
        brackets.append(LeverageBracket(number, leverage, floor, Decimal(cap), Decimal(ratio), amount))
    return tuple(brackets)


# The exchange's own tables of autumn 2024, as its leverageBracket endpoint gave them.
_MAJOR = brackets_from(
    [
        BracketRow("50000", "0.004", 125),
        BracketRow("600000", "0.005", 100),
        BracketRow("3000000", "0.0065", 75),
        BracketRow("12000000", "0.01", 50),
        BracketRow("70000000", "0.02", 25),
        BracketRow("100000000", "0.025", 20),
        BracketRow("230000000", "0.05", 10),
        BracketRow("480000000", "0.1", 5),
        BracketRow("600000000", "0.125", 4),
        BracketRow("800000000", "0.15", 3),
        BracketRow("1200000000", "0.25", 2),
        BracketRow("1800000000", "0.5", 1),
    ]
)
_LARGE = brackets_from(
    [
        BracketRow("20000", "0.005", 100),
        BracketRow("100000", "0.0065", 75),
        BracketRow("800000", "0.01", 50),
        BracketRow("4000000", "0.02", 25),
        BracketRow("8000000", "0.025", 20),
        BracketRow("40000000", "0.05", 10),
        BracketRow("80000000", "0.1", 5),
        BracketRow("100000000", "0.125", 4),
        BracketRow("200000000", "0.25", 2),
        BracketRow("400000000", "0.5", 1),
    ]
)
_OTHER = brackets_from(
    [
        BracketRow("10000", "0.005", 75),
        BracketRow("50000", "0.007", 50),
        BracketRow("750000", "0.01", 40),
        BracketRow("800000", "0.02", 25),
        BracketRow("1600000", "0.025", 20),
        BracketRow("8000000", "0.05", 10),
        BracketRow("16000000", "0.1", 5),
        BracketRow("20000000", "0.125", 4),
        BracketRow("40000000", "0.25", 2),
        BracketRow("80000000", "0.5", 1),
    ]
)
_TABLES = {"BTCUSDT": _MAJOR, "ETHUSDT": _MAJOR, "SOLUSDT": _LARGE, "BNBUSDT": _LARGE, "XRPUSDT": _LARGE}


def brackets_of(symbol: str) -> tuple[LeverageBracket, ...]:
    """Brackets of a symbol; symbols without a table of their own share the strictest one."""
    return _TABLES.get(symbol, _OTHER)


def bracket_at(brackets: tuple[LeverageBracket, ...], notional: Decimal) -> LeverageBracket:
    """Bracket of a notional; above the last cap the last one holds."""
    return next((bracket for bracket in brackets if notional < bracket.cap), brackets[-1])


def maintenance_margin(brackets: tuple[LeverageBracket, ...], notional: Decimal) -> Decimal:
    """Margin that a position of this notional must keep, quote."""
    bracket = bracket_at(brackets, notional)
    return notional * bracket.ratio - bracket.amount


def largest_notional(brackets: tuple[LeverageBracket, ...], leverage: int) -> Decimal:
    """Largest position that this leverage may hold, quote."""
    return max((bracket.cap for bracket in brackets if bracket.leverage >= leverage), default=_ZERO)


def liquidation_price(
    brackets: tuple[LeverageBracket, ...], *, quantity: Decimal, cost: Decimal, margin: Decimal
) -> Decimal:
    """Mark price at which a position's margin has shrunk to its maintenance margin; 0 when no price does it.

    Parameters
    ----------
    brackets
        Brackets of the contract; the one that holds at the liquidation price itself is taken.
    quantity
        Signed, base; not 0.
    cost
        Signed: quantity times entry price.
    margin
        What backs the position beside its own profit: the isolated wallet, or the cross wallet less the other
        positions' maintenance margin plus their unrealized profit.

    Notes
    -----
    ``(margin + amount - cost) / (|quantity| * ratio - quantity)``: the exchange's published formula.
    """
    size = abs(quantity)
    bracket = bracket_at(brackets, abs(cost))
    price = _ZERO
    for _ in range(_MOST_ROUNDS):
        price = (margin + bracket.amount - cost) / (size * bracket.ratio - quantity)
        found = bracket_at(brackets, size * max(price, _ZERO))
        if found == bracket:
            break
        bracket = found
    return max(price, _ZERO)
