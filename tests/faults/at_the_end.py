"""What examiners of decisions share: they look once, when nothing goes wrong any more."""

from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.store.deployments import Deployment
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.requests import Asked


class AtTheEnd:
    """Takes decisions again at the end.

    Parameters
    ----------
    evidence
        What it reads.
    market
        What was really traded.
    deployment
        Who decided.
    """

    def __init__(self, evidence: Evidence, market: MarketPort, deployment: Deployment) -> None:
        self._evidence = evidence
        self._market = market
        self._deployment = deployment
        self._findings = Findings(evidence)

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Nothing: decisions are taken again at the end."""

    def look_at_order(self, asked: Asked) -> None:
        """Nothing: decisions are taken again at the end."""
