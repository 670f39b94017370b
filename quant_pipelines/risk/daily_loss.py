"""Loss of the day, after which no exposure is added until the next UTC day."""

from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def day_loss_fraction(request: RiskRequest) -> float:
    """Loss since 00:00 UTC as a fraction of the equity then; negative when the day is a gain."""
    if request.day_start_equity <= 0.0:
        return 1.0
    return 1.0 - request.equity / request.day_start_equity


@dataclass(frozen=True, slots=True)
class DailyLoss:
    """Largest loss since 00:00 UTC as a fraction of the equity then."""

    max_daily_loss_fraction: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("daily_loss", day_loss_fraction(request), self.max_daily_loss_fraction)
