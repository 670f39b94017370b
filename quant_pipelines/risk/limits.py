"""Limits of one book together, and the compiled check of all rules in their order."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from quant_pipelines.core.jit import inlined, scalar
from quant_pipelines.core.settings import RiskSettings
from quant_pipelines.risk.daily_loss import DailyLoss, day_loss_fraction
from quant_pipelines.risk.leverage_cap import LeverageCap, leverage
from quant_pipelines.risk.order_quota import OrderQuota, orders_with_this
from quant_pipelines.risk.position_limit import PositionLimit, position_fraction
from quant_pipelines.risk.position_quota import (
    NotionalQuota,
    QuantityQuota,
    position_notional,
    position_quantity,
)
from quant_pipelines.risk.stale_data import StaleData, data_age
from quant_pipelines.risk.verdict import TOLERANCE, Approval, Denial, RiskRequest

RULES = (
    "",
    "stale_data",
    "daily_loss",
    "position_limit",
    "leverage_cap",
    "notional_quota",
    "quantity_quota",
    "order_quota",
)
"""Names by the code that ``first_breach`` returns; 0 is no breach."""


class Rule(Protocol):
    """One rule with its limit."""

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""


class LimitTerms(NamedTuple):
    """Limits for compiled code; infinite is no limit."""

    max_data_age_seconds: float
    max_daily_loss_fraction: float
    max_position_fraction: float
    max_leverage: float
    max_position_notional: float = math.inf
    max_position_quantity: float = math.inf
    max_orders_per_day: float = math.inf


class Breach(NamedTuple):
    """First rule that denies: its code, what it saw, what it allows. Code 0 approves."""

    code: int
    observed: float
    limit: float


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one book; infinite is no limit.

    Parameters
    ----------
    max_position_fraction
        Position notional over equity.
    max_leverage
        Gross notional over equity.
    max_daily_loss_fraction
        Loss since 00:00 UTC over the equity then.
    max_data_age_seconds
        Age of market data by the wall clock.
    max_position_notional, max_position_quantity
        Position in quote and in base.
    max_orders_per_day
        Orders decided in a UTC day; those that reduce count, but are never denied.
    """

    max_position_fraction: float = math.inf
    max_leverage: float = math.inf
    max_daily_loss_fraction: float = math.inf
    max_data_age_seconds: float = math.inf
    max_position_notional: float = math.inf
    max_position_quantity: float = math.inf
    max_orders_per_day: float = math.inf

    @classmethod
    def from_settings(cls, settings: RiskSettings) -> "RiskLimits":
        """Limits as the settings have them; quotas are not among them."""
        return cls(
            settings.max_position_fraction,
            settings.max_leverage,
            settings.max_daily_loss_fraction,
            settings.max_data_age_seconds,
        )

    @property
    def terms(self) -> LimitTerms:
        """The same for compiled code."""
        return LimitTerms(
            float(self.max_data_age_seconds),
            float(self.max_daily_loss_fraction),
            float(self.max_position_fraction),
            float(self.max_leverage),
            float(self.max_position_notional),
            float(self.max_position_quantity),
            float(self.max_orders_per_day),
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules one by one, in the order in which they are checked."""
        return (
            StaleData(self.max_data_age_seconds),
            DailyLoss(self.max_daily_loss_fraction),
            PositionLimit(self.max_position_fraction),
            LeverageCap(self.max_leverage),
            NotionalQuota(self.max_position_notional),
            QuantityQuota(self.max_position_quantity),
            OrderQuota(self.max_orders_per_day),
        )


NO_LIMITS = RiskLimits()


@scalar
def exceeds(observed: float, limit: float) -> bool:
    """Whether an observed value is beyond its limit, with a tolerance for rounding."""
    return limit < math.inf and observed > limit + TOLERANCE * abs(limit)


@inlined
def _breached_quota(request: RiskRequest, limits: LimitTerms) -> Breach:
    notional = position_notional(request)
    if exceeds(notional, limits.max_position_notional):
        return Breach(5, notional, limits.max_position_notional)
    quantity = position_quantity(request)
    if exceeds(quantity, limits.max_position_quantity):
        return Breach(6, quantity, limits.max_position_quantity)
    count = orders_with_this(request)
    if exceeds(count, limits.max_orders_per_day):
        return Breach(7, count, limits.max_orders_per_day)
    return Breach(0, 0.0, 0.0)


@scalar
def first_breach(request: RiskRequest, limits: LimitTerms) -> Breach:
    """Check an order that adds exposure against every rule; the first that denies is returned."""
    age = data_age(request)
    if exceeds(age, limits.max_data_age_seconds):
        return Breach(1, age, limits.max_data_age_seconds)
    loss = day_loss_fraction(request)
    if exceeds(loss, limits.max_daily_loss_fraction):
        return Breach(2, loss, limits.max_daily_loss_fraction)
    fraction = position_fraction(request)
    if exceeds(fraction, limits.max_position_fraction):
        return Breach(3, fraction, limits.max_position_fraction)
    gross = leverage(request)
    if exceeds(gross, limits.max_leverage):
        return Breach(4, gross, limits.max_leverage)
    return _breached_quota(request, limits)
