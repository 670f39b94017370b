"""Largest position of one book in quote or base, whatever its equity: the quota of a strategy."""

from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def position_notional(request: RiskRequest) -> float:
    """Notional after the order, quote."""
    return abs(request.position_after) * request.price


@scalar
def position_quantity(request: RiskRequest) -> float:
    """Position after the order, base, unsigned."""
    return abs(request.position_after)


@dataclass(frozen=True, slots=True)
class NotionalQuota:
    """Largest position notional in quote."""

    max_position_notional: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("notional_quota", position_notional(request), self.max_position_notional)


@dataclass(frozen=True, slots=True)
class QuantityQuota:
    """Largest position in base."""

    max_position_quantity: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("quantity_quota", position_quantity(request), self.max_position_quantity)
