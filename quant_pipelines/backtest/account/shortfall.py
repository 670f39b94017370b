"""Who pays where a book of an account loses more than its own capital."""

from collections.abc import Mapping
from dataclasses import dataclass

RESERVE, INSURANCE_FUND = "reserve", "insurance fund"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Book that ended below 0, by how much, and who paid: names and amounts, quote."""

    book: str
    amount: float
    paid_by: dict[str, float]


def shortfalls_of(books: Mapping[str, float], reserve: float, insurance: float) -> tuple[Shortfall, ...]:
    """Share out what books lack: first the reserve pays, then the other books by what they have.

    Parameters
    ----------
    books
        What each ends with, by its name.
    reserve
        Cash that is no book's.
    insurance
        What the exchange's insurance fund has paid, since all others were not enough.

    Examples
    --------
    >>> from quant_pipelines.backtest.account.shortfall import shortfalls_of
    >>> shortfalls_of({"A": -300.0, "B": 400.0}, reserve=100.0, insurance=0.0)
    (Shortfall(book='A', amount=300.0, paid_by={'reserve': 100.0, 'B': 200.0}),)
    """
    missing = -sum(value for value in books.values() if value < 0.0)
    if missing == 0.0:
        return ()
    held = sum(value for value in books.values() if value > 0.0)
    of_reserve = min(max(reserve, 0.0), missing - insurance)
    of_books = missing - insurance - of_reserve
    paid = {RESERVE: of_reserve}
    paid |= {name: of_books * value / held for name, value in books.items() if value > 0.0}
    paid[INSURANCE_FUND] = insurance
    return tuple(
        Shortfall(
            name, -value, {payer: part * -value / missing for payer, part in paid.items() if part > 0.0}
        )
        for name, value in books.items()
        if value < 0.0
    )
