"""Decimal books of one deployment, checked against the broker's floats after everything that is booked.

A venue rounds the profit of a partial closing to what it can book, and only its own number adds up to its
wallet: where all fills tell that number, realized profit is their sum, else it is reckoned from the prices,
also where those numbers are of a position that several books share.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from live_runner.book.rows import exact
from quant_pipelines.accounting import Account, LedgerFill, booked_position, booked_realized, disagreement
from quant_pipelines.accounting.ledger import TOLERANCE
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.store.trading import Fill, Income, Position


class _Proof(NamedTuple):
    """What was compared, and the position that came of it; an account is a value that never changes."""

    account: Account
    stop_price: float | None
    n_fills: int
    n_income: int
    position: Position

    def is_of(self, account: Account, stop_price: float | None, n_fills: int, n_income: int) -> bool:
        """Whether these are what was compared."""
        is_same = (self.stop_price, self.n_fills, self.n_income) == (stop_price, n_fills, n_income)
        return is_same and self.account is account


class BookLedger:
    """All fills and income of one deployment.

    Parameters
    ----------
    capital
        Quote, at the start.
    fills, income
        What was booked so far.
    """

    def __init__(self, capital: Decimal, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        self._capital = self._paid_in = capital
        self._fills: list[LedgerFill] = []
        self._income: list[Decimal] = []
        self._realized: list[Decimal | None] = []
        self._proof: _Proof | None = None
        self.add(fills, income)

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return len(self._fills)

    @property
    def paid_in(self) -> Decimal:
        """Capital, quote: at the start, and what was paid in since, less what was taken out."""
        return self._paid_in

    @property
    def realized(self) -> Decimal:
        """Realized profit, quote, before fees and payments."""
        told = [profit for profit in self._realized if profit is not None]
        reckoned = booked_realized(self._fills)
        if len(told) < len(self._fills):
            return reckoned
        theirs = sum(told, Decimal(0))
        traded = sum((abs(fill.quantity) * fill.price for fill in self._fills), Decimal(1))
        is_of_this_book = abs(theirs - reckoned) <= Decimal(repr(TOLERANCE)) * traded
        return theirs if is_of_this_book else reckoned

    def add(self, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        """Book more."""
        fills = list(fills)
        self._realized += [fill.realized_pnl for fill in fills]
        self._fills += [LedgerFill(fill.signed_quantity, fill.price, fill.fee) for fill in fills]
        income = list(income)
        self._income += [received.amount for received in income]
        self._paid_in += sum((row.amount for row in income if row.kind == TRANSFER), Decimal(0))

    def position(self, account: Account, stop_price: float | None) -> Position:
        """Position by the decimals, once it is proven that the broker's floats agree.

        Parameters
        ----------
        account
            The broker's cash and position.
        stop_price
            Level of the stop, quote per base; None without one.

        Raises
        ------
        ReconciliationError
            If cash or position differ by more than 1e-8 of what was traded.
        """
        compared = (account, stop_price, len(self._fills), len(self._income))
        if self._proof is not None and self._proof.is_of(*compared):
            return self._proof.position  # every look asks, and a fill is far between
        found = disagreement(account, self._capital, self._fills, self._income)
        if found is not None:
            raise ReconciliationError(
                f"{found.name} is {found.account!r} at the broker and {found.booked} in the ledger; "
                "expected agreement within 1e-8"
            )
        position = Position(
            booked_position(self._fills),
            exact(account.entry_price),
            self.realized,
            None if stop_price is None else exact(stop_price),
        )
        self._proof = _Proof(*compared, position)
        return position
