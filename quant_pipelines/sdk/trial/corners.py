"""Where in its search space a strategy is tried."""

from typing import TypeVar

from quant_pipelines.sdk.strategy import Strategy

Kind = TypeVar("Kind", bound=Strategy)


def corners(strategy_class: type[Kind]) -> list[Kind]:
    """Defaults, and every parameter at either bound, where that is allowed."""
    candidates: list[dict[str, float]] = [{}]
    for name, declared in strategy_class.search_space().items():
        candidates += [{name: declared.low}, {name: declared.high}]
    return [strategy_class(**values) for values in candidates if strategy_class.is_allowed(values)]
