"""Unitized net asset value: deposits issue units and withdrawals redeem them; performance is value per unit.

With ``V`` the account's value just before a flow ``F`` and ``n`` units, units are issued (redeemed) at the
value that one has then, ``V / n``: ``n' = n + F / (V / n) = n (V + F) / V``. So a flow changes the number of
units and never their value. Sources: GIPS Standards for Firms (CFA Institute, 2020), time-weighted return
with a valuation at each large external cash flow; forward pricing of fund shares, 17 CFR 270.22c-1.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import scalar


class Flow(NamedTuple):
    """Cash that moves: time in milliseconds UTC, quote; a deposit is positive, a withdrawal negative."""

    ts: int
    amount: float


@scalar
def growth_by(value: float, amount: float) -> float:
    """Factor by which a flow changes the number of units; the value before it is positive."""
    return (value + amount) / value


@scalar
def can_flow(value: float, amount: float) -> bool:
    """Whether units can be issued or redeemed: there is value, and some of it is left."""
    return value > 0.0 and value + amount > 0.0


def values_per_unit(equity: FloatArray, units: FloatArray) -> FloatArray:
    """Value of one unit at each time; a series that no flow moves.

    Parameters
    ----------
    equity, units
        Of the account at the same times, ndarrays of shape (n_times,), float64; units are positive.
    """
    return equity / units


def drawdowns(equity: FloatArray, units: FloatArray) -> FloatArray:
    """Fall of the value per unit from its highest so far, 0 or negative, shape (n_times,)."""
    value = values_per_unit(equity, units)
    highest: FloatArray = np.maximum.accumulate(value)
    return value / highest - 1.0


def units_of(equity_before: FloatArray, flows: FloatArray, *, units: float = 1.0) -> FloatArray:
    """Units behind each of several flows, from the equity just before them.

    Parameters
    ----------
    equity_before, flows
        ndarrays of shape (n_flows,), float64, quote.
    units
        Before the first flow.

    Returns
    -------
    ndarray of shape (n_flows,), float64
    """
    growth: FloatArray = (equity_before + flows) / equity_before
    held: FloatArray = np.multiply.accumulate(growth)
    return units * held
