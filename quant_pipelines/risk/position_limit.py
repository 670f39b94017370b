"""Largest position of one book."""

import math
from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def position_fraction(request: RiskRequest) -> float:
    """Notional after the order as a fraction of the book's equity; infinite without equity."""
    if request.equity <= 0.0:
        return math.inf
    return abs(request.position_after) * request.price / request.equity


@dataclass(frozen=True, slots=True)
class PositionLimit:
    """Largest position notional as a fraction of the book's equity."""

    max_position_fraction: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("position_limit", position_fraction(request), self.max_position_fraction)
