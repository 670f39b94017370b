"""Where in its search space a strategy is tried."""

from typing import TypeVar

from quant_pipelines.sdk.strategy import Strategy

Kind = TypeVar("Kind", bound=Strategy)


def corners(strategy_class: type[Kind]) -> list[Kind]:
    """Defaults, and every parameter at either bound or option, where that is allowed.

    Examples
    --------
    >>> from quant_pipelines.sdk import Int, Strategy
    >>> from quant_pipelines.sdk.trial.corners import corners
    >>> class Cross(Strategy):
    ...     fast = Int(12, low=5, high=60)
    ...     slow = Int(50, low=20, high=200)
    ...     def is_valid(self):
    ...         return self.fast < self.slow
    >>> corners(Cross)  # without fast=60, which isn't below slow=50
    [Cross(fast=12, slow=50), Cross(fast=5, slow=50), Cross(fast=12, slow=20), Cross(fast=12, slow=200)]
    """
    candidates: list[dict[str, int | float | str]] = [{}]
    for name, declared in strategy_class.search_space().items():
        candidates += [{name: value} for value in declared.corners() if value != declared.default]
    return [strategy_class(**values) for values in candidates if strategy_class.is_allowed(values)]
