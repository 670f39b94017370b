"""The box of parameters that a strategy declares, and the way from the unit cube into it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.sdk import Strategy

Parameters: TypeAlias = dict[str, int | float]
Key: TypeAlias = tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One bounded parameter; both bounds belong to it.

    Parameters
    ----------
    name
        Name of the strategy's parameter.
    low, high
        Bounds in the parameter's own unit.
    is_integer
        Whether only whole numbers are allowed.
    is_logarithmic
        Whether equal distances are equal ratios.

    Examples
    --------
    >>> from quant_pipelines.optimize.space import Dimension
    >>> window = Dimension("window", 10, 1000, is_integer=True, is_logarithmic=True)
    >>> window.levels(3), window.at(0.0), window.at(1.0)
    ([10, 100, 1000], 10, 1000)
    """

    name: str
    low: float
    high: float
    is_integer: bool
    is_logarithmic: bool = False

    def at(self, position: float) -> int | float:
        """Value at a position in [0, 1]; each whole number owns the half-open interval around it."""
        if not self.is_integer:
            return self._between(self.low, self.high, position)
        value = math.floor(self._between(self.low - 0.5, self.high + 0.5, position) + 0.5)
        return min(max(value, int(self.low)), int(self.high))

    def levels(self, count: int) -> list[int | float]:
        """At most ``count`` evenly spaced values including both bounds; the middle for one."""
        positions = [0.5] if count == 1 else [level / (count - 1) for level in range(count)]
        values = [self._between(self.low, self.high, position) for position in positions]
        if not self.is_integer:
            return list(values)
        return sorted({round(value) for value in values})

    def _between(self, low: float, high: float, position: float) -> float:
        if self.is_logarithmic:
            value = math.exp(math.log(low) + position * (math.log(high) - math.log(low)))
        else:
            value = low + position * (high - low)
        return min(max(value, low), high)


@dataclass(frozen=True, slots=True)
class Space:
    """Declared box minus the combinations that the strategy refuses.

    Parameters
    ----------
    dimensions
        In declared order.
    is_valid
        The strategy's own rule, such as fast below slow.

    Examples
    --------
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> window = Dimension("window", 10, 30, is_integer=True)
    >>> width = Dimension("width", 1.0, 3.0, is_integer=False)
    >>> space = Space((window, width), is_valid=lambda values: True)
    >>> space.at([0.5, 0.25]), space.key({"width": 1.5, "window": 20})
    ({'window': 20, 'width': 1.5}, (20, 1.5))
    """

    dimensions: tuple[Dimension, ...]
    is_valid: Callable[[Parameters], bool]

    def at(self, positions: Sequence[float]) -> Parameters:
        """Parameters at a point of the unit cube."""
        return {
            dimension.name: dimension.at(position)
            for dimension, position in zip(self.dimensions, positions, strict=True)
        }

    def key(self, parameters: Mapping[str, int | float]) -> Key:
        """Identity of a parameter set within this space."""
        return tuple(parameters[dimension.name] for dimension in self.dimensions)


def space_of(strategy_class: type[Strategy]) -> Space:
    """Space that a strategy declares.

    Raises
    ------
    OptimizationError
        If it declares no parameter, so that there is nothing to search.

    Examples
    --------
    >>> from quant_pipelines.optimize.space import space_of
    >>> from quant_pipelines.sdk import Int, Strategy
    >>> class Cross(Strategy):
    ...     fast = Int(12, low=5, high=60)
    ...     slow = Int(50, low=20, high=200, log=True)
    ...     def is_valid(self):
    ...         return self.fast < self.slow
    >>> space = space_of(Cross)
    >>> [dimension.name for dimension in space.dimensions], space.is_valid({"fast": 60, "slow": 20})
    (['fast', 'slow'], False)
    """
    declared = strategy_class.search_space()
    if not declared:
        raise OptimizationError(f"{strategy_class.__name__} declares no parameter; expected one to search")
    dimensions = tuple(
        Dimension(name, parameter.low, parameter.high, parameter.kind == "int", parameter.log)
        for name, parameter in declared.items()
    )
    return Space(dimensions, strategy_class.is_allowed)
