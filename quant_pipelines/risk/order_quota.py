"""Orders of a UTC day, after which no exposure is added until the next one."""

from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def orders_with_this(request: RiskRequest) -> float:
    """Orders since 00:00 UTC and the one that is asked for.

    Orders that reduce are counted too, but never asked for: what closes is not denied.
    """
    return request.orders_today + 1.0


@dataclass(frozen=True, slots=True)
class OrderQuota:
    """Largest number of orders of a UTC day."""

    max_orders_per_day: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("order_quota", orders_with_this(request), self.max_orders_per_day)
