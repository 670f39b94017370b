"""Gross notional over equity of the account that a book belongs to."""

import math
from dataclasses import dataclass

from quant_pipelines.core.jit import scalar
from quant_pipelines.risk.verdict import Approval, Denial, RiskRequest, verdict


@scalar
def leverage(request: RiskRequest) -> float:
    """Gross notional after the order over equity; infinite without equity.

    One book holds one symbol, so its gross notional is that of its position.
    """
    if request.equity <= 0.0:
        return math.inf
    return abs(request.position_after) * request.price / request.equity


@dataclass(frozen=True, slots=True)
class LeverageCap:
    """Highest gross notional over equity."""

    max_leverage: float

    def check(self, request: RiskRequest) -> Approval | Denial:
        """Judge an order that would add exposure."""
        return verdict("leverage_cap", leverage(request), self.max_leverage)
