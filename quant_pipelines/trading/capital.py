"""What a book is paid when the capital of its deployment changes: a deposit, or a withdrawal of what is free.

Capital is what was paid into a book less what was taken out; its profit stays in it. So capital that moves
between two books changes neither the sum of their capital nor what either has gained.
"""

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from quant_pipelines.core.limits import RiskLimits

if TYPE_CHECKING:  # whoever reads what a capital is compiles nothing
    from quant_pipelines.trading.cycle import BookView
    from quant_pipelines.trading.execution import Execution

_LEAST_MARGIN: Final = 0.2
_STAYS: Final = 0.01
_LEAST_PART: Final = Decimal("0.1")
_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)


class WantedCapital(NamedTuple):
    """Capital that a deployment is meant to have, quote, and since when."""

    amount: Decimal
    at: datetime


def bound_equity(notional: float, execution: "Execution", limits: RiskLimits) -> float:
    """Equity that a position binds, quote: what leaves it within the limits of its book.

    The isolated margin where there is one, and never less than a fifth of the notional.

    Parameters
    ----------
    notional
        Of what is held and ordered, quote, unsigned.
    execution
        Has the leverage of isolated margin; 0 is cross margin.
    limits
        Of the book.

    Examples
    --------
    >>> from quant_pipelines.risk import NO_LIMITS, RiskLimits
    >>> from quant_pipelines.trading.execution import Execution
    >>> bound_equity(2_000.0, Execution(), RiskLimits(max_position_fraction=1.0))
    2000.0
    >>> bound_equity(2_000.0, Execution(leverage=2.0), NO_LIMITS)
    1000.0
    >>> bound_equity(2_000.0, Execution(), NO_LIMITS)
    400.0
    """
    most = min(limits.max_position_fraction, limits.max_leverage)
    by_leverage = 1.0 / execution.leverage if execution.leverage > 0.0 else 0.0
    return notional * max(_LEAST_MARGIN, by_leverage, 1.0 / most if most > 0.0 else 1.0)


def free_equity(equity: float, bound: float) -> Decimal:
    """Equity that may leave, quote; a hundredth always stays, so that what is left has a value.

    Examples
    --------
    >>> free_equity(1_000.0, 400.0), free_equity(1_000.0, 0.0), free_equity(1_000.0, 2_000.0)
    (Decimal('600.00'), Decimal('990.00'), Decimal('0.00'))
    """
    free = max(min(equity - bound, equity * (1.0 - _STAYS)), 0.0)
    return Decimal(repr(free)).quantize(_CENT, ROUND_DOWN)


def withheld(wanted: WantedCapital, paid_in: Decimal, equity: float) -> float:
    """Equity that is to leave and that a decision does not size on, quote: what it binds is given back first.

    Less than a hundredth of the equity is not worth an order: it leaves with the next one that reduces.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> withheld(WantedCapital(Decimal(400), at), Decimal(1_000), 1_100.0)
    600.0
    >>> withheld(WantedCapital(Decimal(0), at), Decimal(1_000), 500.0)
    495.0
    >>> withheld(WantedCapital(Decimal(999), at), Decimal(1_000), 1_100.0)
    0.0
    """
    leaves = min(float(paid_in - wanted.amount), equity * (1.0 - _STAYS))
    return leaves if leaves > equity * _STAYS > 0.0 else 0.0


def without(view: "BookView", amount: float) -> "BookView":
    """Return a view of a book that an amount (quote) is to leave: that is no loss of the day.

    A leg is seen with its part of its set, which may be worth less than what the leg is to give.
    """
    if amount == 0.0 or not view.equity > 0.0:
        return view
    left = max(view.equity - amount, view.equity * _STAYS)
    return view._replace(equity=left, day_start_equity=view.day_start_equity * left / view.equity)


def due_flow(wanted: Decimal, paid_in: Decimal, free: Decimal) -> Decimal:
    """Amount that a book is paid now, quote; negative when it is taken out, 0 when nothing is.

    A deposit comes whole. A withdrawal takes what is free, so that no position is left beyond the limits of
    its book: all of it or at least a tenth, the rest at later closes.

    Parameters
    ----------
    wanted
        Capital that the book is meant to have, quote.
    paid_in
        Capital that it has.
    free
        See `free_equity`.

    Examples
    --------
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(700))
    Decimal('-100')
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(50))  # the rest at a later close
    Decimal('-50')
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(5))
    Decimal('0')
    """
    flow = wanted - paid_in
    if flow >= 0:
        return flow
    taken = min(-flow, free)
    return -taken if taken > 0 and taken >= -flow * _LEAST_PART else _ZERO
