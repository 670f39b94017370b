"""Rules that every order must pass; each is a class around a compiled scalar that the batch loop calls."""

from quant_pipelines.risk.daily_loss import DailyLoss
from quant_pipelines.risk.leverage_cap import LeverageCap
from quant_pipelines.risk.limits import NO_LIMITS, RULES, LimitTerms, RiskLimits, first_breach
from quant_pipelines.risk.order_quota import OrderQuota
from quant_pipelines.risk.position_limit import PositionLimit
from quant_pipelines.risk.position_quota import NotionalQuota, QuantityQuota
from quant_pipelines.risk.stale_data import StaleData
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest

__all__ = [
    "NO_LIMITS",
    "RULES",
    "Approval",
    "DailyLoss",
    "Denial",
    "LeverageCap",
    "LimitTerms",
    "NotionalQuota",
    "OrderQuota",
    "PositionLimit",
    "QuantityQuota",
    "RiskLimits",
    "RiskRequest",
    "StaleData",
    "first_breach",
]
