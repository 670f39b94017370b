"""The account that several books share, as a whole: value, units, the day's baseline, drawdown.

Drawdown and the day's baseline are kept in today's units: a flow of cash moves them with the number of units,
so that it is neither gain nor loss; see ``accounting.nav``.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.accounting.nav import can_flow, growth_by
from quant_pipelines.backtest.bar.tally import Tally, tally_after
from quant_pipelines.core.jit import change_of, scalar
from quant_pipelines.core.timeframes import DAY_MS


class Fund(NamedTuple):
    """The account as a whole between two rows of the grid.

    Parameters
    ----------
    reserve
        Cash that is no book's share, quote.
    value
        Net asset value: the reserve and the equity of all books, quote.
    paid
        Sum of all flows so far, quote.
    units
        Of the account; the first is worth 1.
    day_start
        Value at the last 00:00 UTC, in today's units.
    day_end_ms
        The next 00:00 UTC.
    tally
        Of the account: its drawdown is that of the value per unit.
    max_gross
        Largest sum of the notionals of all books over the value, at a close.
    flow
        Next flow, or the one that could not be paid.
    is_broken
        Whether a flow could not be paid: the loop has ended there.
    insured
        What the exchange's insurance fund has paid, quote: the account would have ended below 0 by it. It is
        booked to the reserve.
    """

    reserve: float
    value: float
    paid: float
    units: float
    day_start: float
    day_end_ms: int
    tally: Tally
    max_gross: float
    flow: int
    is_broken: bool
    insured: float


_with_day = change_of(Fund, "day_start", "day_end_ms")
_broken = change_of(Fund, "is_broken")
_paid = change_of(Fund, "reserve", "value", "paid", "units", "day_start", "tally", "flow")
_closed = change_of(Fund, "value", "day_start", "day_end_ms", "tally", "max_gross")
_insured = change_of(Fund, "reserve", "insured")
with_peak = change_of(Tally, "peak")


@scalar
def first_fund(reserve: float, value: float, units: float, first_ts: int) -> Fund:
    """Account before the row that opens at ``first_ts``; a unit of a new one is worth 1."""
    midnight = first_ts - first_ts % DAY_MS + DAY_MS
    tally = Tally(0, 0.0, value, 0.0)
    return Fund(reserve, value, 0.0, units, value, midnight, tally, 0.0, 0, False, 0.0)


@scalar
def fund_at_open(fund: Fund, ts: int) -> Fund:
    """Account as a row opens: the day's baseline is its value at 00:00 UTC."""
    if ts < fund.day_end_ms:
        return fund
    return _with_day(fund, day_start=fund.value, day_end_ms=ts - ts % DAY_MS + DAY_MS)


@scalar
def fund_insured(fund: Fund, value: float) -> Fund:
    """Account whose books are flat and of which nothing is left: the insurance fund pays what is missing."""
    return _insured(fund, reserve=fund.reserve - value, insured=fund.insured - value)


@scalar
def fund_after_flow(fund: Fund, amount: float, to_reserve: float) -> Fund:
    """Account after a flow, of which a part stays with no book; units are issued at the value before it."""
    if not can_flow(fund.value, amount):
        return _broken(fund, True)
    growth = growth_by(fund.value, amount)
    return _paid(
        fund,
        reserve=fund.reserve + to_reserve,
        value=fund.value + amount,
        paid=fund.paid + amount,
        units=fund.units * growth,
        day_start=fund.day_start * growth,
        tally=with_peak(fund.tally, fund.tally.peak * growth),
        flow=fund.flow + 1,
    )


@scalar
def fund_at_close(fund: Fund, value: float, gross: float, traded: float, close_ts: int) -> Fund:
    """Account at a row's close, from its value, the notional of its books and all that they have traded."""
    baseline, day_end = fund.day_start, fund.day_end_ms
    if close_ts >= day_end:
        baseline, day_end = value, day_end + DAY_MS
    leverage = gross / value if value > 0.0 else (np.inf if gross > 0.0 else 0.0)
    return _closed(
        fund,
        value=value,
        day_start=baseline,
        day_end_ms=day_end,
        tally=tally_after(fund.tally, traded, gross > 0.0, value),
        max_gross=max(fund.max_gross, leverage),
    )
