"""Unitized net asset value: deposits issue units and withdrawals redeem them; performance is value per unit.

With ``V`` the account's value just before a flow ``F`` and ``n`` units, units are issued (redeemed) at the
value that one has then, ``V / n``: ``n' = n + F / (V / n) = n (V + F) / V``. So a flow changes the number of
units and never their value. Sources: GIPS Standards for Firms (CFA Institute, 2020), time-weighted return
with a valuation at each large external cash flow; forward pricing of fund shares, 17 CFR 270.22c-1.
"""

from typing import NamedTuple

from quant_pipelines.core.jit import scalar


class Flow(NamedTuple):
    """Cash that moves: time in milliseconds UTC, quote; a deposit is positive, a withdrawal negative.

    Examples
    --------
    >>> from quant_pipelines.accounting.nav import Flow
    >>> Flow(ts=1_704_067_200_000, amount=-500.0).amount  # taken out as 2024 began
    -500.0
    """

    ts: int
    amount: float


@scalar
def growth_by(value: float, amount: float) -> float:
    """Factor by which a flow changes the number of units; the value before it is positive.

    Examples
    --------
    >>> from quant_pipelines.accounting.nav import growth_by
    >>> growth_by(10_000.0, 2_500.0)  # a quarter more units, each worth what it was
    1.25
    """
    return (value + amount) / value


@scalar
def can_flow(value: float, amount: float) -> bool:
    """Whether units can be issued or redeemed: there is value, and some of it is left.

    Examples
    --------
    >>> from quant_pipelines.accounting.nav import can_flow
    >>> can_flow(10_000.0, -9_999.0), can_flow(10_000.0, -10_000.0)
    (True, False)
    """
    return value > 0.0 and value + amount > 0.0
