"""Age of market data, beyond which no exposure is added; it needs the wall clock."""

from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def data_age(request: RiskRequest) -> float:
    """Age of the newest market data in seconds."""
    return request.data_age_seconds


@dataclass(frozen=True, slots=True)
class StaleData:
    """Greatest age of market data in seconds; never fires in a replay, where the age is 0."""

    max_data_age_seconds: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("stale_data", data_age(request), self.max_data_age_seconds)
