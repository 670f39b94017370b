"""Values whose fields are named as the columns of their table, as rows and back."""

from typing import Any, TypeVar

Value = TypeVar("Value")


def row_of(value: Any) -> dict[str, Any]:
    """Columns of a value with slots.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True)
    ... class Rate:
    ...     symbol: str
    ...     rate: float
    >>> row_of(Rate("BTC", 0.5))
    {'symbol': 'BTC', 'rate': 0.5}
    """
    return {name: getattr(value, name) for name in value.__slots__}


def value_of(kind: type[Value], row: Any) -> Value:
    """Value with slots out of a row that has its columns."""
    return kind(**{name: getattr(row, name) for name in kind.__slots__})  # type: ignore[attr-defined]
