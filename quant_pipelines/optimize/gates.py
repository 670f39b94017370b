"""Gates: one number, one threshold, one answer each.

The paper screen admits to paper money and proves nothing. The capital gates are what a strategy must also
show before it gets money: one decision on its record, and the rules that refuse whatever the decision says.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

PAPER = "paper"
CAPITAL = "capital"


@dataclass(frozen=True, slots=True)
class Gate:
    """One check of a verdict.

    Parameters
    ----------
    name
        What is measured.
    value
        Measured; None when it can't be.
    threshold
        What the value is compared with; None where it can't be told yet.
    passed
        Whether it is good enough.
    gate
        ``paper`` or ``capital``.
    detail
        One sentence: what the number means here, or why there is none.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import at_least
    >>> gate = at_least("trades", 12, 30, gate="paper", detail="closed trades out of sample")
    >>> gate.passed, gate.reason
    (False, 'trades is 12, threshold 30: closed trades out of sample')
    """

    name: str
    value: float | None
    threshold: float | None
    passed: bool
    gate: str
    detail: str

    @property
    def reason(self) -> str:
        """One sentence for a gate that failed."""
        shown = "not known" if self.value is None else f"{self.value:.4g}"
        threshold = "" if self.threshold is None else f", threshold {self.threshold:g}"
        return f"{self.name} is {shown}{threshold}: {self.detail}"

    def to_document(self) -> dict[str, Any]:
        """Gate as a JSON document."""
        return asdict(self)


def at_least(name: str, value: float | None, threshold: float, *, gate: str, detail: str) -> Gate:
    """Gate that passes at the threshold and above it.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import at_least
    >>> at_least("psr", 0.95, 0.95, gate="capital", detail="").passed
    True
    >>> at_least("psr", None, 0.95, gate="capital", detail="").passed  # what isn't known doesn't pass
    False
    """
    known = _known(value)
    return Gate(name, known, threshold, known is not None and known >= threshold, gate, detail)


def above(name: str, value: float | None, threshold: float, *, gate: str, detail: str) -> Gate:
    """Gate that passes above the threshold only.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import above
    >>> [above("return", value, 0.0, gate="paper", detail="").passed for value in (0.0, 0.01, float("nan"))]
    [False, True, False]
    """
    known = _known(value)
    return Gate(name, known, threshold, known is not None and known > threshold, gate, detail)


def at_most(name: str, value: float | None, threshold: float, *, gate: str, detail: str) -> Gate:
    """Gate that passes at the threshold and below it.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import at_most
    >>> [at_most("pbo", value, 0.5, gate="capital", detail="").passed for value in (0.5, 0.51, None)]
    [True, False, False]
    """
    known = _known(value)
    return Gate(name, known, threshold, known is not None and known <= threshold, gate, detail)


def passed(gates: Sequence[Gate], *kinds: str) -> bool:
    """Whether all gates of these kinds passed.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import at_least, passed
    >>> screen = at_least("trades", 40, 30, gate="paper", detail="")
    >>> gates = [screen, at_least("psr", 0.8, 0.95, gate="capital", detail="")]
    >>> passed(gates, "paper"), passed(gates, "paper", "capital")
    (True, False)
    """
    return all(gate.passed for gate in gates if gate.gate in kinds)


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
