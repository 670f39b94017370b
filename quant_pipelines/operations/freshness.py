"""How old evidence for capital may be today, for everybody who shows or asks for it."""

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.optimize.evidence import Freshness


def freshness(ladder: LadderSettings, clock: Clock) -> Freshness:
    """Today, and the age that the ladder allows."""
    return Freshness(clock_time(clock).date(), ladder.evidence_max_days)
