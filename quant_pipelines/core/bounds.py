"""What a value may be, and how that is said: the one check of settings, flags, forms and stored limits."""

import math
from typing import Any, NamedTuple

from quant_pipelines.core.errors import unknown_name


class Bounds(NamedTuple):
    """Range of a number, or the few words that are accepted; NaN and infinities never are.

    Parameters
    ----------
    low, high
        Smallest and largest value that is accepted.
    choices
        Words that are accepted, when there are only a few.
    or_file
        Whether the path of a Python file is accepted beside them.

    Examples
    --------
    >>> from quant_pipelines.core.bounds import Bounds
    >>> Bounds(0, 100).fault("fee_bps", float("nan"))
    'fee_bps is nan; expected a value in [0, 100]'
    >>> Bounds(low=1).fault("folds", 3)  # nothing is wrong with it
    ''
    """

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    or_file: bool = False

    def fault(self, name: str, value: Any) -> str:
        """Sentence that names field, value and what was expected; empty for a value that is accepted."""
        if self.choices:
            if self.or_file and isinstance(value, str) and value.endswith(".py"):
                return ""
            return "" if value in self.choices else unknown_name(f"value of {name}:", value, self.choices)
        if not isinstance(value, int | float) or self._holds(value):
            return ""
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{name} is {shown}; expected {self.range_text or 'a finite number'}"

    @property
    def range_text(self) -> str:
        """Range as part of a sentence; empty for any finite number."""
        if self.low is None and self.high is None:
            return ""
        if self.high is None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.low is None else f"a value in [{self.low}, {self.high}]"

    def _holds(self, value: float) -> bool:
        is_finite = isinstance(value, int) or math.isfinite(value)
        return (
            is_finite
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
        )


ROW_ID = Bounds(0, 2**63 - 1)
"""Id of a stored row; the database holds no larger one."""
PORT = Bounds(0, 65_535)
"""Port of this machine that something listens on; 0 takes a free one."""
