"""Typed, bounded parameters, declared once: search space, validation and documentation come from here."""

import math
from typing import Any, Generic, Self, TypeVar, cast, overload

from quant_pipelines.core.errors import StrategyError

Number = TypeVar("Number", int, float)


class Parameter(Generic[Number]):
    """Number with a default and inclusive bounds; on an instance of a strategy it reads as its value.

    Parameters
    ----------
    default
        Value when none is given.
    low, high
        Smallest and largest value, inclusive.
    log
        Whether a search moves in ratios rather than in differences; the smallest value is above 0 then.

    Raises
    ------
    StrategyError
        If the three are not finite numbers of this kind, in order.

    Examples
    --------
    >>> from quant_pipelines.sdk import Int
    >>> Int(12, low=5, high=60, log=True).describe()
    {'kind': 'int', 'default': 12, 'low': 5, 'high': 60, 'log': True}
    """

    kind = ""
    own_type: type = object

    def __init__(self, default: Number, *, low: Number, high: Number, log: bool = False) -> None:
        self.default: Number = default
        self.low: Number = low
        self.high: Number = high
        self.log = log
        self.name = ""
        numbers = [number for value in (low, default, high) if (number := self._number(value)) is not None]
        is_ordered = len(numbers) == 3 and numbers == sorted(numbers)
        if not is_ordered or (log and not low > 0):
            span = "above 0 in a space of ratios" if log else "in order"
            raise StrategyError(
                f"a parameter is declared from {low!r} to {high!r} with the default {default!r}; "
                f"expected finite {self._noun()}s {span}"
            )

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Number: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Number:
        if instance is None:
            return self
        return cast(Number, instance.__dict__[self.name])

    def checked(self, value: Any, *, owner: str) -> Number:
        """Value in the parameter's own type.

        Raises
        ------
        StrategyError
            If it is not a number of this kind or out of bounds; the sentence names owner, parameter,
            value and range.
        """
        if type(value) is self.own_type and self.low <= cast(Number, value) <= self.high:
            return cast(Number, value)
        number = self._number(value)
        if number is None or not self.low <= number <= self.high:
            raise StrategyError(
                f"{owner}: parameter {self.name} is {value!r}; expected a {self._noun()} "
                f"from {self.low} to {self.high}"
            )
        return number

    def describe(self) -> dict[str, Any]:
        """Return the declaration as a JSON document: kind, default, low, high, log."""
        return {
            "kind": self.kind,
            "default": self.default,
            "low": self.low,
            "high": self.high,
            "log": self.log,
        }

    def _number(self, value: Any) -> Number | None:
        raise NotImplementedError

    def _noun(self) -> str:
        return "number"


class Int(Parameter[int]):
    """Whole number, such as a window in bars.

    Examples
    --------
    >>> from quant_pipelines.sdk import Int, Strategy
    >>> class Idea(Strategy):
    ...     fast = Int(12, low=5, high=60)
    >>> Idea().fast, Idea(fast=20.0).fast
    (12, 20)
    >>> Idea(fast=4)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Idea: parameter fast is 4; expected a whole number from 5 to 60
    """

    kind, own_type = "int", int

    def _number(self, value: Any) -> int | None:
        number = _as_float(value)
        return int(number) if number is not None and number.is_integer() else None

    def _noun(self) -> str:
        return "whole number"


class Float(Parameter[float]):
    """Real number, such as a width in deviations or a fraction of price.

    Examples
    --------
    >>> from quant_pipelines.sdk import Float, Strategy
    >>> class Bands(Strategy):
    ...     width = Float(2.0, low=0.5, high=4.0)
    >>> Bands().width, Bands(width=3).width
    (2.0, 3.0)
    """

    kind, own_type = "float", float

    def _number(self, value: Any) -> float | None:
        return _as_float(value)


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
