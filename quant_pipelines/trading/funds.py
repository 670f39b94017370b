"""What an account has: balance, margin, and the value of a unit that deposits do not change.

Amounts are decimals in quote currency, as the venue tells them.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

MARGIN_ASSET: Final = "USDT"
"""What an account is margined in; other assets are no part of its wallet here."""
TRANSFERS: Final = frozenset(
    {"TRANSFER", "INTERNAL_TRANSFER", "CROSS_COLLATERAL_TRANSFER", "STRATEGY_UMFUTURES_TRANSFER"}
)
"""Income of these kinds is money that comes or goes, no profit."""
_MARGIN_SHORT: Final = Decimal("0.5")
_UNIT: Final = Decimal(1)


class Balance(NamedTuple):
    """Funds of an account, quote.

    Parameters
    ----------
    wallet
        Cash: deposits, realized profit, fees and funding.
    unrealized
        Profit of what is held, at mark prices.
    maintenance
        Margin below which the venue closes positions.
    available
        What new orders may take.
    """

    wallet: Decimal
    unrealized: Decimal
    maintenance: Decimal
    available: Decimal

    @property
    def margin(self) -> Decimal:
        """Net asset value: wallet and unrealized profit."""
        return self.wallet + self.unrealized

    @property
    def margin_usage(self) -> Decimal:
        """Maintenance margin as a fraction of the margin; the venue closes positions at 1.

        Examples
        --------
        >>> Balance(Decimal(1000), Decimal(-200), Decimal(80), Decimal(500)).margin_usage
        Decimal('0.1')
        """
        if self.margin <= 0:
            return Decimal("Infinity") if self.maintenance else Decimal(0)
        return self.maintenance / self.margin


def margin_shortage(balance: Balance, limit: Decimal = _MARGIN_SHORT) -> str:
    """Why the account must be reduced before the venue does it, as a clause; empty while it need not.

    Examples
    --------
    >>> margin_shortage(Balance(Decimal(1000), Decimal(-900), Decimal(60), Decimal(0)))
    'maintenance margin 60 is 60.0 % of the margin 100; expected at most 50 %'
    """
    usage = balance.margin_usage
    if usage <= limit:
        return ""
    return (
        f"maintenance margin {balance.maintenance.normalize():f} is {float(usage) * 100:.1f} % of the margin "
        f"{balance.margin.normalize():f}; expected at most {float(limit) * 100:.0f} %"
    )


def units_after(units: Decimal, margin_before: Decimal, flow: Decimal) -> Decimal:
    """Units of an account after money came or went.

    A deposit buys units at their value of the moment and a withdrawal sells them, so that neither changes
    what a unit is worth: its growth is the time-weighted return (unit method; Bacon, *Practical Portfolio
    Performance Measurement and Attribution*, 3rd ed., chapter 3).

    Parameters
    ----------
    units
        Before; 0 for an account that begins.
    margin_before
        Net asset value without the flow, quote.
    flow
        Positive when it came, quote.

    Returns
    -------
    Decimal
        An account that begins, or that was worth nothing, begins anew with units of 1.

    Examples
    --------
    >>> units_after(Decimal(1000), Decimal(1100), Decimal(550))
    Decimal('1500')
    """
    if units <= 0 or margin_before <= 0:
        return max(margin_before + flow, Decimal(0)) / _UNIT
    return units + flow * units / margin_before


class IncomeRow(NamedTuple):
    """One change of the venue's wallet: its number, kind, time (milliseconds UTC), and amount, quote."""

    number: str
    kind: str
    ts_ms: int
    amount: Decimal
    asset: str = MARGIN_ASSET


class DayBooked(NamedTuple):
    """Change of a day by our books, quote: profit before fees, fees (positive when paid), payments."""

    realized: Decimal
    fees: Decimal
    funding: Decimal
    insurance: Decimal

    @property
    def total(self) -> Decimal:
        """Change of the wallet by our books."""
        return self.realized - self.fees + self.funding + self.insurance


def venue_change(rows: Iterable[IncomeRow]) -> dict[str, Decimal]:
    """Sum changes of the wallet by kind, without money that came or went.

    Examples
    --------
    >>> rows = IncomeRow("1", "TRANSFER", 0, Decimal(9)), IncomeRow("2", "COMMISSION", 0, Decimal(-2))
    >>> venue_change(rows)
    {'COMMISSION': Decimal('-2')}
    """
    changes: dict[str, Decimal] = {}
    for row in rows:
        if row.kind not in TRANSFERS:
            kind = row.kind if row.asset == MARGIN_ASSET else f"{row.kind} in {row.asset}"
            changes[kind] = changes.get(kind, Decimal(0)) + row.amount
    return changes


def unexplained(booked: DayBooked, changes: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Find what the venue's wallet did and our books did not, by kind; empty when equal to the last digit.

    Examples
    --------
    >>> booked = DayBooked(Decimal(5), Decimal(2), Decimal(0), Decimal(0))
    >>> unexplained(booked, {"REALIZED_PNL": Decimal(5), "COMMISSION": Decimal(-3)})
    {'COMMISSION': Decimal('-1')}
    """
    ours = {
        "REALIZED_PNL": booked.realized,
        "COMMISSION": -booked.fees,
        "FUNDING_FEE": booked.funding,
        "INSURANCE_CLEAR": booked.insurance,
    }
    kinds = sorted({*ours, *changes})
    rest = {kind: changes.get(kind, Decimal(0)) - ours.get(kind, Decimal(0)) for kind in kinds}
    return {kind: amount for kind, amount in rest.items() if amount}


class WalletDay(NamedTuple):
    """A UTC day of an account: by our books, and by the venue's wallet (changes by kind)."""

    day: date
    booked: DayBooked
    changes: Mapping[str, Decimal]

    @property
    def at_venue(self) -> Decimal:
        """Change of the venue's wallet, quote."""
        return sum(self.changes.values(), Decimal(0))

    @property
    def rest(self) -> dict[str, Decimal]:
        """What our books do not explain, by kind."""
        return unexplained(self.booked, self.changes)

    @property
    def sentence(self) -> str:
        """Sentence that names what is not explained; empty when nothing is.

        Examples
        --------
        >>> booked = DayBooked(Decimal(0), Decimal(0), Decimal(0), Decimal(0))
        >>> WalletDay(date(2026, 1, 31), booked, {"COMMISSION": Decimal("-1.50")}).sentence
        'the wallet of 2026-01-31 differs from the books: COMMISSION -1.5'
        """
        parts = ", ".join(f"{kind} {amount.normalize():f}" for kind, amount in self.rest.items())
        return parts and f"the wallet of {self.day} differs from the books: {parts}"
