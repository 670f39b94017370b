"""Typed, bounded parameters, declared once: search space, validation and documentation come from here."""

import math
from typing import Any, Generic, Self, TypeAlias, TypeVar, cast, overload

from quant_pipelines.core.errors import StrategyError

Value = TypeVar("Value", bound=int | float | str)
Number = TypeVar("Number", bound=int | float)


class Parameter(Generic[Value]):
    """Declared value with a default; on an instance of a strategy it reads as its value.

    Parameters
    ----------
    default
        Value when none is given.

    Examples
    --------
    >>> from quant_pipelines.sdk import Int
    >>> Int(12, low=5, high=60, log=True).describe()
    {'kind': 'int', 'default': 12, 'low': 5, 'high': 60, 'log': True}
    """

    kind = ""

    def __init__(self, default: Value) -> None:
        self.default: Value = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Value:
        if instance is None:
            return self
        return cast(Value, instance.__dict__[self.name])

    def checked(self, value: Any, *, owner: str) -> Value:
        """Value in the parameter's own type; what it can't be is refused by one sentence."""
        raise NotImplementedError

    def corners(self) -> tuple[Value, ...]:
        """Values at which a strategy is tried before it is accepted."""
        raise NotImplementedError

    def number(self, value: Value) -> float:
        """Value as a compiled handler reads it."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return the declaration as a JSON document; its kind tells what else it has."""
        return {"kind": self.kind, "default": self.default}


class Bounded(Parameter[Number]):
    """Number between inclusive bounds.

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
    >>> from quant_pipelines.sdk import Float
    >>> Float(2.0, low=0.5, high=4.0).corners()
    (0.5, 4.0)
    """

    own_type: type = object

    def __init__(self, default: Number, *, low: Number, high: Number, log: bool = False) -> None:
        super().__init__(default)
        self.low: Number = low
        self.high: Number = high
        self.log = log
        numbers = [number for value in (low, default, high) if (number := self._number(value)) is not None]
        is_ordered = len(numbers) == 3 and numbers == sorted(numbers)
        if not is_ordered or (log and not low > 0):
            span = "above 0 in a space of ratios" if log else "in order"
            raise StrategyError(
                f"a parameter is declared from {low!r} to {high!r} with the default {default!r}; "
                f"expected finite {self._noun()}s {span}"
            )

    def checked(self, value: Any, *, owner: str) -> Number:
        """Value in the parameter's own type.

        Raises
        ------
        StrategyError
            If it is not a number of this kind or out of bounds; the sentence names owner, parameter,
            value and range.
        """
        if type(value) is self.own_type and self._holds(cast(Number, value)):
            return cast(Number, value)
        number = self._number(value)
        if number is None or not self._holds(number):
            raise StrategyError(
                f"{owner}: parameter {self.name} is {value!r}; expected a {self._noun()} "
                f"from {self.low} to {self.high}"
            )
        return number

    def corners(self) -> tuple[Number, ...]:
        """Both bounds."""
        return (self.low, self.high)

    def number(self, value: Number) -> float:
        """Value itself."""
        return float(value)

    def describe(self) -> dict[str, Any]:
        """Return the declaration as a JSON document: kind, default, low, high, log."""
        return super().describe() | {"low": self.low, "high": self.high, "log": self.log}

    def _holds(self, value: Any) -> bool:
        low: Any = self.low  # compared as they are: a whole number may be larger than a float holds
        return bool(low <= value <= self.high)

    def _number(self, value: Any) -> Number | None:
        raise NotImplementedError

    def _noun(self) -> str:
        return "number"


class Int(Bounded[int]):
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


class Float(Bounded[float]):
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


class Choice(Parameter[str]):
    """One of several names, such as the kind of an average; no order is meant by theirs.

    Parameters
    ----------
    default
        Name when none is given.
    options
        All names, each once, two or more.

    Raises
    ------
    StrategyError
        If they are not names, or the default is none of them.

    Examples
    --------
    >>> from quant_pipelines.sdk import Choice, Strategy
    >>> class Cross(Strategy):
    ...     average = Choice("ema", options=("ema", "sma"))
    >>> Cross().average, Cross(average="sma").average
    ('ema', 'sma')
    >>> Cross(average="wma")
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Cross: parameter average is 'wma'; expected one of ema, sma
    """

    kind = "choice"

    def __init__(self, default: str, *, options: tuple[str, ...] | list[str]) -> None:
        super().__init__(default)
        self.options = tuple(options)
        are_names = all(str(one).isidentifier() for one in self.options)
        if not are_names or not 1 < len(self.options) == len({*self.options}) or default not in self.options:
            raise StrategyError(
                f"a choice is declared of {self.options!r} with the default {default!r}; "
                "expected two or more different names, and the default among them"
            )

    def checked(self, value: Any, *, owner: str) -> str:
        """Name as it is declared.

        Raises
        ------
        StrategyError
            If it is none of the options; the sentence names owner, parameter, value and options.
        """
        if value not in self.options:
            raise StrategyError(
                f"{owner}: parameter {self.name} is {value!r}; expected one of {', '.join(self.options)}"
            )
        return str(value)

    def corners(self) -> tuple[str, ...]:
        """All options."""
        return self.options

    def number(self, value: str) -> float:
        """Position among the options."""
        return float(self.options.index(value))

    def describe(self) -> dict[str, Any]:
        """Return the declaration as a JSON document: kind, default, options."""
        return super().describe() | {"options": list(self.options)}


Declared: TypeAlias = Bounded[Any] | Choice
"""Whatever a strategy declares."""


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
