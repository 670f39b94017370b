"""The profit of a book in a period, as terms that sum to it exactly.

Every amount is a decimal, and no step of the arithmetic may round: what would is an error, not a remainder.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import Final, NamedTuple

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.timeframes import from_ms

FUNDING: Final = "funding"
INSURANCE: Final = "insurance"
_ZERO: Final = Decimal(0)
_SHARE: Final = Decimal("1e-9")
"""Times enter as shares of the period in these steps: less than 0.1 ms of a day."""
_EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation])


@contextmanager
def exact() -> Iterator[None]:
    """Let decimals be added and multiplied without rounding; what can't be raises."""
    with localcontext(_EXACT):
        yield


class BookFill(NamedTuple):
    """One fill of a book.

    Parameters
    ----------
    at_ms
        When, milliseconds UTC.
    quantity, price, fee
        Base, signed; quote per base; quote, positive when paid.
    arrival
        Price that its order met, quote per base; None (or NaN) where none is known.
    """

    at_ms: int
    quantity: Decimal
    price: Decimal
    fee: Decimal = _ZERO
    arrival: Decimal | None = None

    @property
    def met(self) -> Decimal | None:
        """Price at arrival, quote per base; None where it is not known."""
        is_known = self.arrival is not None and self.arrival.is_finite() and self.arrival > 0
        return self.arrival if is_known else None


class BookPayment(NamedTuple):
    """Cash that came (positive) or went without a fill, quote: funding, insurance, or capital (transfer)."""

    at_ms: int
    kind: str
    amount: Decimal


class BookMark(NamedTuple):
    """Price at which a book is valued, quote per base, and when it was seen (milliseconds UTC)."""

    at_ms: int
    price: Decimal


class BookPeriod(NamedTuple):
    """What a book did in a period.

    Parameters
    ----------
    start_ms, end_ms
        Milliseconds UTC, the end exclusive.
    quantity
        Position at the start, base, signed.
    start, end
        Prices at which the position is valued.
    fills, payments
        Of the period.
    """

    start_ms: int
    end_ms: int
    quantity: Decimal
    start: BookMark
    end: BookMark
    fills: tuple[BookFill, ...] = ()
    payments: tuple[BookPayment, ...] = ()


class PnlTerms(NamedTuple):
    """Parts of a profit, quote; positive is earned, so that costs are negative.

    Parameters
    ----------
    beta
        What holding the average exposure would have made.
    timing
        What being more or less exposed than on average made, at the prices that orders met.
    slippage
        Fills against the prices at arrival.
    fees, funding, insurance
        As they were booked; insurance is what a liquidation cost besides.
    rest
        Of an account: what no book of it owns.
    """

    beta: Decimal = _ZERO
    timing: Decimal = _ZERO
    slippage: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    insurance: Decimal = _ZERO
    rest: Decimal = _ZERO

    @property
    def total(self) -> Decimal:
        """Sum of the terms, quote."""
        with exact():
            return sum(self, _ZERO)


class PeriodPnl(NamedTuple):
    """The profit of a period.

    Parameters
    ----------
    terms
        What it is made of.
    change
        Of equity, quote, without capital that was moved.
    transfers
        Capital that was moved, quote; positive when it came.
    mean_quantity, mean_notional
        Average exposure over the time of the period: base, and quote at the price of the start.
    n_unknown, unknown_value
        Fills whose price at arrival is not known, and their value (quote): their slippage is in ``timing``.
    """

    terms: PnlTerms = PnlTerms()
    change: Decimal = _ZERO
    transfers: Decimal = _ZERO
    mean_quantity: Decimal = _ZERO
    mean_notional: Decimal = _ZERO
    n_unknown: int = 0
    unknown_value: Decimal = _ZERO


def split(period: BookPeriod) -> PeriodPnl:
    """Take the profit of a period apart.

    Notes
    -----
    With the prices P0 and P1 of the start and the end, the position q0 of the start, and fills of signed
    quantity q at price p whose orders met the price a, when a share w of the period was left::

        exposure = q0 + Σ q · w                              its average over time
        beta     = exposure · (P1 - P0)
        timing   = Σ q · ((P1 - a) - w · (P1 - P0))          a against the straight line from P0 to P1
        slippage = -Σ q · (p - a)

    They sum to ``q0 · (P1 - P0) + Σ q · (P1 - p)``, the price profit of the position and its fills, realized
    or not. Beta and timing are the benchmark's and the timing part of Brinson, Hood and Beebower,
    "Determinants of Portfolio Performance" (1986), with the own average exposure as the policy; slippage is
    the executed part of the implementation shortfall of Perold, "The Implementation Shortfall: Paper versus
    Reality" (1988). Where a is not known, p stands for it: the fill has no slippage, and its timing has both.

    Raises
    ------
    DataError
        If the terms do not sum to the change of equity, or an amount is no number or of an unknown kind.

    Examples
    --------
    >>> bought = BookFill(43_200_000, Decimal(2), Decimal("104.5"), Decimal("0.2"), arrival=Decimal(104))
    >>> day = BookPeriod(0, 86_400_000, Decimal(1), BookMark(0, Decimal(100)), BookMark(0, Decimal(110)))
    >>> found = split(day._replace(fills=(bought,)))
    >>> {name: float(amount) for name, amount in found.terms._asdict().items() if amount}
    {'beta': 20.0, 'timing': 2.0, 'slippage': -1.0, 'fees': -0.2}
    >>> found.change  # 10 by what was held, 11 by what was bought, and the fee
    Decimal('20.8')
    """
    _require_numbers(period)
    with exact():
        move = period.end.price - period.start.price
        exposure, timing, slippage = period.quantity, _ZERO, _ZERO
        for fill in period.fills:
            left = _share_left(period, fill.at_ms)
            met = fill.price if fill.met is None else fill.met
            exposure += fill.quantity * left
            timing += fill.quantity * (period.end.price - met - left * move)
            slippage -= fill.quantity * (fill.price - met)
        fees = -sum((fill.fee for fill in period.fills), _ZERO)
        paid = _paid(period.payments)
        terms = PnlTerms(exposure * move, timing, slippage, fees, paid[FUNDING], paid[INSURANCE])
        unknown = [abs(fill.quantity) * fill.price for fill in period.fills if fill.met is None]
        notional = exposure * period.start.price
        found = PeriodPnl(terms, _change(period), paid[TRANSFER], exposure, notional, len(unknown))
        return _proven(found._replace(unknown_value=sum(unknown, _ZERO)), period.start_ms)


def summed(parts: Iterable[PeriodPnl], start_ms: int) -> PeriodPnl:
    """Sum profits: of the legs of a set, the books of an account, the days of a period.

    The average exposure in base is given up: it may be of different symbols.

    Parameters
    ----------
    parts
        What is summed.
    start_ms
        Start of the period, milliseconds UTC: named where the sum would not be the change of equity.

    Raises
    ------
    DataError
        If the terms do not sum to the change of equity.

    Examples
    --------
    >>> day = PeriodPnl(PnlTerms(beta=Decimal(3), fees=Decimal(-1)), change=Decimal(2))
    >>> summed([day, day], 0).change
    Decimal('4')
    """
    known = list(parts)
    with exact():
        terms = PnlTerms(*(sum(column, _ZERO) for column in zip(*(one.terms for one in known), strict=True)))
        sums = {
            name: sum((getattr(one, name) for one in known), _ZERO)
            for name in ("change", "transfers", "mean_notional", "unknown_value")
        }
        return _proven(PeriodPnl(terms, **sums, n_unknown=sum(one.n_unknown for one in known)), start_ms)


def spent_on(fills: Iterable[BookFill]) -> Decimal:
    """Cash that fills took, fees included, quote; negative where they brought some. Exact within `exact`.

    Examples
    --------
    >>> spent_on([BookFill(0, Decimal(2), Decimal(100), Decimal("0.1"))])
    Decimal('200.1')
    """
    return sum((fill.quantity * fill.price + fill.fee for fill in fills), _ZERO)


def _proven(found: PeriodPnl, start_ms: int) -> PeriodPnl:
    if found.terms.total != found.change:
        raise DataError(
            f"terms of the profit since {from_ms(start_ms):%Y-%m-%d %H:%M} sum to {found.terms.total}; "
            f"expected {found.change}, the change of equity"
        )
    return found


def _share_left(period: BookPeriod, at_ms: int) -> Decimal:
    """Share of the period that is left at a time, in [0, 1]."""
    length = period.end_ms - period.start_ms
    left = min(max(period.end_ms - at_ms, 0), length)
    with localcontext(Context(prec=28)):
        return (Decimal(left) / length).quantize(_SHARE) if length else _ZERO


def _change(period: BookPeriod) -> Decimal:
    """Change of equity, quote: cash that came and went, and what is held at the end less what was held."""
    traded = sum((fill.quantity for fill in period.fills), _ZERO)
    spent = spent_on(period.fills)
    received = sum((one.amount for one in period.payments if one.kind != TRANSFER), _ZERO)
    held = (period.quantity + traded) * period.end.price - period.quantity * period.start.price
    return held - spent + received


def _paid(payments: Iterable[BookPayment]) -> dict[str, Decimal]:
    sums = {FUNDING: _ZERO, INSURANCE: _ZERO, TRANSFER: _ZERO}
    for one in payments:
        if one.kind not in sums:
            raise DataError(
                f"income at {from_ms(one.at_ms):%Y-%m-%d %H:%M} is of kind {one.kind!r}; expected one of "
                f"{', '.join(sums)}"
            )
        sums[one.kind] += one.amount
    return sums


def _require_numbers(period: BookPeriod) -> None:
    """Refuse what is not a number: it would make every sum one that is none."""
    told = [(mark.at_ms, "price of a bar", mark.price) for mark in (period.start, period.end)]
    told += [(one.at_ms, f"{one.kind} paid", one.amount) for one in period.payments]
    for fill in period.fills:
        told += [
            (fill.at_ms, f"{name} of a fill", getattr(fill, name)) for name in ("quantity", "price", "fee")
        ]
    for at_ms, name, value in told:
        if not value.is_finite():
            raise DataError(f"{name} at {from_ms(at_ms):%Y-%m-%d %H:%M} is {value}; expected a number")
