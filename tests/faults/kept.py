"""A book that goes on with other parameters while it holds what those before have entered.

Which of them decided at a close right after the change is not known until the runner has taken them up. So
the old ones are never heard again once the new ones were, and two minutes later only these.
"""

from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Signal
from tests.faults.decisions import DecisionRules, targets_of
from tests.faults.evidence import Evidence

SIZED = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Sized(Strategy):
    """Long in even minutes, short in odd ones, by the size that its parameters say."""

    size = Float(1.0, low=0.1, high=1.0)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.where(bars.ts // 60_000 % 2 == 0, self.size, -self.size)
'''
_TAKEN_UP_MS = 120_000


class KeptDecisionRules(DecisionRules):
    """Takes every decision of such a book again.

    Parameters
    ----------
    evidence
        What it reads.
    market
        What was really traded.
    deployment
        The book, with the parameters that it began with.
    after
        With those that it goes on with.

    Attributes
    ----------
    switched_ms
        When these were changed; None before that.
    """

    def __init__(
        self, evidence: Evidence, market: MarketPort, deployment: Deployment, after: Deployment
    ) -> None:
        super().__init__(evidence, market, deployment)
        self._after = after
        self._old: dict[int, float] = {}
        self._new: dict[int, float] = {}
        self.switched_ms: int | None = None

    def look_at_rest(self) -> None:
        """Compare every stored decision, and the intent that it led to."""
        self._old = targets_of(self._evidence, self._market, self._deployment)
        self._new = targets_of(self._evidence, self._market, self._after)
        super().look_at_rest()

    def heard_new(self) -> list[int]:
        """Closes at which the new parameters decided, milliseconds UTC."""
        signals = self._evidence.journal.tables.signals
        closes = sorted(to_ms(close) for key, close in signals if key == self._deployment.id)
        told = {to_ms(close): one for (key, close), one in signals.items() if key == self._deployment.id}
        return [at for at in closes if not told[at].decision["is_leaving"] and self._is_new(told[at])]

    def _is_the_strategys(self, signal: Signal, targets: dict[int, float]) -> None:
        close_ms, switched_ms = to_ms(signal.bar_close), self.switched_ms
        if not self._is_new(signal):
            super()._is_the_strategys(signal, targets)
            is_late = switched_ms is not None and close_ms > switched_ms + _TAKEN_UP_MS
            is_old = self._new.get(close_ms) != signal.target
            if is_old and (is_late or close_ms > min(self.heard_new(), default=close_ms)):
                self._findings.violated("I11", f"parameters of before decided at {signal.bar_close}")
        elif switched_ms is None or close_ms < switched_ms - _TAKEN_UP_MS:
            self._findings.violated("I11", f"new parameters decided at {signal.bar_close}")

    def _is_new(self, signal: Signal) -> bool:
        """Whether the new parameters alone say so: both are flat at times."""
        close_ms = to_ms(signal.bar_close)
        return self._new.get(close_ms) == signal.target != self._old.get(close_ms)
