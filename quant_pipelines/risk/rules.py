"""The risk rules as a table: one rule is one row, and the compiled check and its names are made of the rows.

A row names its limit, whose range and description stand with the settings and the quotas.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quant_pipelines.core.jit import scalar
from quant_pipelines.core.limits import RiskLimits

Scope = Literal["deployment", "symbol", "strategy", "account"]
Action = Literal["alert", "deny", "reduce", "flatten"]


class RiskRequest(NamedTuple):
    """Order that would add exposure, and the book that it would change.

    Parameters
    ----------
    position_after
        Base, signed, if the order were filled.
    price
        Quote per base, at the close that was decided on.
    equity
        Quote, at that close.
    day_start_equity
        Quote, at 00:00 UTC of the day.
    data_age_seconds
        Age of the newest market data by the wall clock; 0 in a replay.
    orders_today
        Orders of the book since 00:00 UTC, without this one; those that reduce count too.
    """

    position_after: float
    price: float
    equity: float
    day_start_equity: float
    data_age_seconds: float
    orders_today: float = 0.0


@scalar
def data_age(request: RiskRequest) -> float:
    """Age of the newest market data in seconds."""
    return request.data_age_seconds


@scalar
def day_loss_fraction(request: RiskRequest) -> float:
    """Loss since 00:00 UTC as a fraction of the equity then; negative when the day is a gain."""
    if request.day_start_equity <= 0.0:
        return 1.0
    return 1.0 - request.equity / request.day_start_equity


@scalar
def position_quantity(request: RiskRequest) -> float:
    """Position after the order, base, unsigned."""
    return abs(request.position_after)


@scalar
def position_notional(request: RiskRequest) -> float:
    """Notional after the order, quote."""
    return abs(request.position_after) * request.price


@scalar
def position_fraction(request: RiskRequest) -> float:
    """Notional after the order as a fraction of the book's equity; infinite without equity."""
    if request.equity <= 0.0:
        return math.inf
    return abs(request.position_after) * request.price / request.equity


@scalar
def orders_with_this(request: RiskRequest) -> float:
    """Orders since 00:00 UTC and the one that is asked for."""
    return request.orders_today + 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it observes of an order that would add exposure must not exceed its limit.

    Parameters
    ----------
    name
        As decisions and journals keep it.
    scope
        Whose state is observed.
    field
        Name of its limit in ``RiskLimits``.
    observed
        Compiled; in the unit of the limit.
    action
        What follows a breach: ``deny`` refuses the order, ``reduce`` also shows its book as REDUCING.
    reason
        Why there is such a rule.
    synonyms
        Other names of the same limit; the tightest that is given holds.
    """

    name: str
    scope: Scope
    field: str
    observed: Callable[[RiskRequest], float]
    action: Action
    reason: str
    synonyms: tuple[str, ...] = ()

    def limit(self, limits: RiskLimits) -> float:
        """Value that must not be exceeded; infinite is no limit."""
        return min(float(getattr(limits, name)) for name in (self.field, *self.synonyms))


RULES = (
    Rule(
        name="stale_data",
        scope="symbol",
        field="max_data_age_seconds",
        observed=data_age,
        action="deny",
        reason="old market data don't tell what an order would pay",
    ),
    Rule(
        name="daily_loss",
        scope="deployment",
        field="max_daily_loss_fraction",
        observed=day_loss_fraction,
        action="reduce",
        reason="what has lost so much since midnight adds nothing before the next one",
    ),
    Rule(
        name="position_limit",
        scope="deployment",
        field="max_position_fraction",
        observed=position_fraction,
        action="deny",
        reason="one position must not decide over the whole equity of its book",
        synonyms=("max_leverage",),  # a book holds one symbol: its gross notional is that of its position
    ),
    Rule(
        name="notional_quota",
        scope="deployment",
        field="max_position_notional",
        observed=position_notional,
        action="deny",
        reason="an operator bounds the position in quote, whatever the equity",
    ),
    Rule(
        name="quantity_quota",
        scope="deployment",
        field="max_position_quantity",
        observed=position_quantity,
        action="deny",
        reason="an operator bounds the position in base, whatever the price",
    ),
    Rule(
        name="order_quota",
        scope="deployment",
        field="max_orders_per_day",
        observed=orders_with_this,
        action="deny",
        reason="a strategy that orders too often adds nothing before the next midnight",
    ),
)
"""In the order in which they are asked; the first that denies is the one that is named."""
