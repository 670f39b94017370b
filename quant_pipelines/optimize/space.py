"""The box of parameters that a strategy declares, and the way from the unit cube into it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self, TypeAlias

from quant_pipelines.core.errors import OptimizationError, unknown_name
from quant_pipelines.core.search_settings import ParameterRange
from quant_pipelines.sdk import Choice, Strategy
from quant_pipelines.sdk.parameters import Declared

Value: TypeAlias = int | float | str
Parameters: TypeAlias = dict[str, Value]
Key: TypeAlias = tuple[Value, ...]
_ROUNDING = 1e-9
_DIGITS = 12


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
    step
        Between the only values that are allowed, from ``low`` on; 0 allows all.
    options
        Names of a choice, whose bounds are the first and the last position; empty for numbers.

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
    step: float = 0.0
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, declared: Declared) -> Self:
        """Dimension of a declared parameter."""
        if isinstance(declared, Choice):
            last = len(declared.options) - 1
            return cls(name, 0, last, is_integer=True, options=declared.options)
        return cls(name, declared.low, declared.high, declared.kind == "int", declared.log)

    def at(self, position: float) -> Value:
        """Value at a position in [0, 1]; each whole number and option owns an interval around it."""
        if self.options or self.step > 0.0:
            steps = self.options or self._steps
            return steps[min(math.floor(position * len(steps)), len(steps) - 1)]
        if not self.is_integer:
            return self._between(self.low, self.high, position)
        value = math.floor(self._between(self.low - 0.5, self.high + 0.5, position) + 0.5)
        return min(max(value, int(self.low)), int(self.high))

    def all_at(self, positions: Sequence[float]) -> list[Value]:
        """Values at many positions; see ``at``."""
        if self.options or self.step > 0.0 or not self.is_logarithmic:
            return [self.at(one) for one in positions]
        low, high = (self.low - 0.5, self.high + 0.5) if self.is_integer else (self.low, self.high)
        least, most = _logarithms(low, high)
        span, exp = most - least, math.exp
        values = [min(max(exp(least + one * span), low), high) for one in positions]
        if not self.is_integer:
            return list(values)
        first, last = int(self.low), int(self.high)
        return [min(max(math.floor(one + 0.5), first), last) for one in values]

    def levels(self, count: int) -> list[Value]:
        """At most ``count`` evenly spaced values including both bounds; the middle for one.

        Of a choice the first ``count`` options: between names there is no middle.
        """
        if self.options:
            return list(self.options[:count])
        if self.step > 0.0:
            steps, last = self._steps, len(self._steps) - 1
            ends = [last // 2] if count == 1 else [round(last * one / (count - 1)) for one in range(count)]
            return [steps[at] for at in sorted(set(ends))]
        is_one = count == 1 or self.low == self.high
        positions = [0.5] if is_one else [level / (count - 1) for level in range(count)]
        values = [self._between(self.low, self.high, position) for position in positions]
        if not self.is_integer:
            return list(values)
        return sorted({round(value) for value in values})

    @property
    def _steps(self) -> list[int | float]:
        last = math.floor((self.high - self.low) / self.step + _ROUNDING)
        kind = int if self.is_integer else float
        return [kind(round(self.low + at * self.step, _DIGITS)) for at in range(last + 1)]

    def _between(self, low: float, high: float, position: float) -> float:
        if self.is_logarithmic:
            least, most = _logarithms(low, high)
            value = math.exp(least + position * (most - least))
        else:
            value = low + position * (high - low)
        return high if value > high else max(value, low)


@lru_cache(maxsize=1024)
def _logarithms(low: float, high: float) -> tuple[float, float]:
    return math.log(low), math.log(high)


@dataclass(frozen=True, slots=True)
class Space:
    """Declared box minus the combinations that the strategy refuses.

    Parameters
    ----------
    dimensions
        In declared order.
    is_valid
        The strategy's own rule, such as fast below slow.
    fixed
        Parameters that are not searched, by name.

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
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def whole(self, searched: Mapping[str, Value]) -> Parameters:
        """Parameter set of what is searched, with what is fixed."""
        return {**searched, **self.fixed}

    def at(self, positions: Sequence[float]) -> Parameters:
        """Parameters at a point of the unit cube."""
        placed = zip(self.dimensions, positions, strict=True)
        searched = {dimension.name: dimension.at(position) for dimension, position in placed}
        return self.whole(searched) if self.fixed else searched

    def all_at(self, points: Sequence[Sequence[float]]) -> list[Parameters]:
        """Parameters at many points, a dimension after the other; see ``at``."""
        if not self.dimensions or not points:
            return [self.at(one) for one in points]
        columns = zip(self.dimensions, zip(*points, strict=True), strict=True)
        values = zip(*[dimension.all_at(positions) for dimension, positions in columns], strict=True)
        names = [dimension.name for dimension in self.dimensions]
        searched = [dict(zip(names, one, strict=True)) for one in values]
        return [self.whole(one) for one in searched] if self.fixed else searched

    def key(self, parameters: Mapping[str, Value]) -> Key:
        """Identity of a parameter set within this space."""
        return tuple([parameters[dimension.name] for dimension in self.dimensions])


def space_of(strategy_class: type[Strategy], ranges: Sequence[ParameterRange] = ()) -> Space:
    """Space that a strategy declares, or the part of it that is asked for.

    Parameters
    ----------
    strategy_class
        Declares the bounds.
    ranges
        Parameters of which less is searched; the others keep their bounds.

    Raises
    ------
    OptimizationError
        If it declares no parameter, so that there is nothing to search, or a range can't be used.

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
    dimensions = tuple(Dimension.of(name, parameter) for name, parameter in declared.items())
    return narrowed(Space(dimensions, strategy_class.is_allowed), ranges)


def narrowed(space: Space, ranges: Sequence[ParameterRange]) -> Space:
    """Part of a space; a parameter whose range is one value is fixed.

    Raises
    ------
    OptimizationError
        If a name is unknown or given twice, or a range is empty, beyond the declared bounds or between whole
        numbers.

    Examples
    --------
    >>> from quant_pipelines.core.search_settings import ParameterRange
    >>> from quant_pipelines.optimize.space import Dimension, Space, narrowed
    >>> fast, slow = (Dimension(name, 2, 90, is_integer=True) for name in ("fast", "slow"))
    >>> space = Space((fast, slow), is_valid=lambda values: True)
    >>> part = narrowed(space, [ParameterRange("fast", 10, 30, step=10), ParameterRange("slow", 50, 50)])
    >>> part.dimensions[0].levels(5), part.at([0.5])
    ([10, 20, 30], {'fast': 20, 'slow': 50})
    """
    if not ranges:
        return space
    declared = {dimension.name: dimension for dimension in space.dimensions}
    asked = {one.name: one for one in ranges}
    if len(asked) < len(ranges):
        raise OptimizationError(f"space names {', '.join(one.name for one in ranges)}; expected each once")
    for one in ranges:
        if one.name not in declared:
            raise OptimizationError(unknown_name("parameter", one.name, declared))
        _require_within(one, declared[one.name])
    parts = [_part(one, asked[one.name]) if one.name in asked else one for one in space.dimensions]
    fixed = {one.name: one.at(0.0) for one in parts if one.low == one.high and one.name in asked}
    searched = tuple(one for one in parts if one.name not in fixed)
    return Space(searched, lambda values: space.is_valid({**values, **fixed}), fixed)


def _part(dimension: Dimension, asked: ParameterRange) -> Dimension:
    if dimension.options:
        chosen = tuple(one for one in dimension.options if one in asked.options)
        return replace(dimension, high=len(chosen) - 1, options=chosen)
    kind = int if dimension.is_integer else float
    return replace(dimension, low=kind(asked.low), high=kind(asked.high), step=asked.step)


def _require_within(asked: ParameterRange, declared: Dimension) -> None:
    if declared.options or asked.options:
        _require_options(asked, declared)
        return
    named = f"space of {asked.name} is {asked.low:g}:{asked.high:g}"
    if not declared.low <= asked.low <= asked.high <= declared.high:
        raise OptimizationError(f"{named}; expected a range within {declared.low:g}:{declared.high:g}")
    if not 0.0 <= asked.step < math.inf:
        raise OptimizationError(f"{named} in steps of {asked.step:g}; expected steps above 0")
    given = (asked.low, asked.high, asked.step)
    if declared.is_integer and any(value != math.floor(value) for value in given):
        raise OptimizationError(f"{named} in steps of {asked.step:g}; expected whole numbers")


def _require_options(asked: ParameterRange, declared: Dimension) -> None:
    if not asked.options or not {*asked.options} <= {*declared.options}:
        given = ",".join(asked.options) or f"{asked.low:g}:{asked.high:g}"
        expected = (
            f"options of {', '.join(declared.options)}"
            if declared.options
            else f"a range within {declared.low:g}:{declared.high:g}"
        )
        raise OptimizationError(f"space of {asked.name} is {given}; expected {expected}")
