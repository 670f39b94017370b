"""Named tuples of numbers as runs of float64 cells, and back, in Python and in compiled code alike.

An array is handed to compiled code within a tenth of a microsecond; a named tuple of named tuples takes a
whole one for each of its parts, and another on its way back.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import shared

Value = TypeVar("Value")


class CellLayout(NamedTuple, Generic[Value]):
    """How a kind of named tuple is laid out.

    Parameters
    ----------
    width
        CellLayout that it takes.
    places
        Where each number stands, by its name with those of the tuples around it, such as ``account.cash``.
    read
        ``read(cells, at, *arrays)``: the value whose first cell is at a position; arrays that are fields of
        it stand in no cell, and are given in their order.
    write
        ``write(cells, at, value)``: puts its numbers there.
    """

    width: int
    places: dict[str, int]
    read: Callable[..., Value]
    write: Callable[[Any, int, Value], None]


class _Leaf(NamedTuple):
    """Number of a value: how its field is reached, its type, and its cell."""

    name: str
    kind: type
    cell: int


def view_of(cells: FloatArray) -> Any:
    """Return the same cells for Python: a memory view reads and writes a number sooner than an array does.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.cells import view_of
    >>> cells = np.zeros(2)
    >>> view_of(cells)[1] = 3.0
    >>> cells.tolist()
    [0.0, 3.0]
    """
    return cells.data


def cells_of(example: Value) -> CellLayout[Value]:
    """Lay a kind of named tuple out, one cell for each float, int and bool in it; whole numbers stay exact.

    Parameters
    ----------
    example
        One of them: types are those of the annotations, and plain tuples of floats are as long as in it.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> import numpy as np
    >>> from quant_pipelines.core.cells import cells_of
    >>> class Day(NamedTuple):
    ...     start: float
    ...     n_orders: int
    >>> class Book(NamedTuple):
    ...     cash: float
    ...     day: Day
    >>> laid, cells = cells_of(Book(0.0, Day(0.0, 0))), np.zeros(3)
    >>> laid.write(cells, 0, Book(5.0, Day(4.0, 2)))
    >>> cells.tolist(), laid.places["day.n_orders"]
    ([5.0, 4.0, 2.0], 2)
    >>> laid.read(cells, 0).day.n_orders
    2
    """
    leaves, arrays, space = list[_Leaf](), list[str](), dict[str, Any]()
    made = _text(example, _Around("", leaves, arrays, space))
    given = ", ".join(("c", "at", *arrays))
    lines = "".join(f"\n    c[at + {leaf.cell}] = v.{leaf.name}" for leaf in leaves)
    exec(  # noqa: S102 - as namedtuple does
        f"def read({given}): return {made}\ndef write(c, at, v):{lines}", space
    )
    places = {leaf.name: leaf.cell for leaf in leaves}
    return CellLayout(len(leaves), places, shared(space["read"]), shared(space["write"]))


class _Around(NamedTuple):
    """Where a part of a value stands, and what was found so far."""

    prefix: str
    leaves: list[_Leaf]
    arrays: list[str]
    space: dict[str, Any]


def _text(value: Any, around: _Around) -> str:
    """Text that makes a value of cells."""
    kind = f"k{len(around.space)}"
    around.space[kind] = type(value)
    return f"{kind}({', '.join(_fields(value, around))})"


def _fields(value: Any, around: _Around) -> Iterator[str]:
    hints = get_type_hints(type(value))
    for name in value._fields:
        part, at = getattr(value, name), f"{around.prefix}{name}"
        if hasattr(part, "_fields"):
            yield _text(part, around._replace(prefix=f"{at}."))
        elif isinstance(part, tuple):
            numbers = [_leaf(f"{at}[{i}]", float, around) for i in range(len(part))]
            yield f"({''.join(f'{number}, ' for number in numbers)})"
        elif hints[name] in {float, int, bool}:
            yield _leaf(at, hints[name], around)
        else:
            around.arrays.append(name)
            yield name


def _leaf(name: str, kind: type, around: _Around) -> str:
    cell = len(around.leaves)
    around.leaves.append(_Leaf(name, kind, cell))
    read = f"c[at + {cell}]"
    return {float: read, int: f"int({read})", bool: f"{read} != 0.0"}[kind]
