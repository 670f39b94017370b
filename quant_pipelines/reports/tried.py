"""What charts of a search need to know of a parameter set that was tried."""

from collections.abc import Mapping
from typing import Any, Protocol


class TriedSet(Protocol):
    """A parameter set and what came of it in-sample; NaN where it could not be judged."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values by name."""
        ...

    @property
    def objective(self) -> float:
        """What the search wants to be high."""
        ...

    @property
    def drawdown(self) -> float:
        """Deepest fall of the equity by days, a fraction."""
        ...
