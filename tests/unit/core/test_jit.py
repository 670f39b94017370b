"""Changes of named tuples: equal to ``_replace`` in compiled code and in Python, cached with their caller."""

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np
import pytest

import quant_pipelines
from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.jit import change_of, kernel

CALLER = """
from typing import NamedTuple

from quant_pipelines.core.jit import change_of, kernel


class Pair(NamedTuple):
    first: float
    second: float


with_second = change_of(Pair, "second")


@kernel
def called(pair, second):
    return with_second(pair, second)


assert called(Pair(1.0, 2.0), 3.0) == Pair(1.0, 3.0)
print(sum(called.stats.cache_hits.values()), sum(called.stats.cache_misses.values()))
"""


class Pair(NamedTuple):
    first: float
    second: float


def changes() -> dict[type[Any], Callable[..., Any]]:
    """One of the changes that the package makes of each kind."""
    found: dict[type[Any], Callable[..., Any]] = {}
    for folder in ("accounting", "backtest", "trading", "risk"):
        package = importlib.import_module(f"{quant_pipelines.__name__}.{folder}")
        for part in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(part.name)).values():
                if isinstance(value, FunctionType) and "_kind" in value.__globals__:
                    found[value.__globals__["_kind"]] = value
    return found


def value_of(kind: Any, numbers: "count[int]") -> Any:
    """Value of a type, no two numbers of which are the same."""
    if hasattr(kind, "_fields"):
        return kind(*(value_of(part, numbers) for part in get_type_hints(kind).values()))
    if kind is bool:
        return True
    if kind is int:
        return next(numbers)
    if kind in (FloatArray, IntArray, BoolArray):
        dtype = get_args(get_args(kind)[1])[0]
        return np.full(1, next(numbers), dtype)
    if type(None) in get_args(kind):
        return None
    return float(next(numbers))


@pytest.mark.parametrize("kind", changes(), ids=lambda kind: kind.__name__)
def test_compiled_change_equals_replace_for_every_kind(kind: type[Any]) -> None:
    change = changes()[kind]
    names = change.__code__.co_varnames[1 : change.__code__.co_argcount]
    numbers = count(1)
    value, other = value_of(kind, numbers), value_of(kind, numbers)
    new = tuple(getattr(other, name) for name in names)

    @kernel
    def changed(value: Any, new: Any) -> Any:
        return change(value, *new)

    expected = value._replace(**dict(zip(names, new, strict=True)))
    assert expected != value
    assert changed(value, new) == expected
    assert change(value, *new) == expected


def test_changes_of_the_backtests_rooms_are_among_them() -> None:
    names = {kind.__name__ for kind in changes()}
    assert {"BookState", "Guard", "Quiet", "Fund", "HeldBook", "StepTerms", "Account"} <= names


def test_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Pair has no field third; expected one of first, second"):
        change_of(Pair, "third")


def test_cached_caller_of_a_change_is_not_compiled_again_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    places = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": places}
    command = [sys.executable, "-c", "import caller"]
    hits_and_misses = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert hits_and_misses == [["0", "1"], ["1", "0"]]
