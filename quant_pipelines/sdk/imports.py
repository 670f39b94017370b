"""What a strategy file may use, decided from its text before any of it runs.

A strategy computes: it needs arrays and the SDK, no files, no sockets, no clock. This is a fence against
mistakes; what contains the rest is the process that its text runs in, see ``quant_pipelines.sandbox``.
"""

import ast
from collections.abc import Iterator

from quant_pipelines.core.errors import StrategyError

ALLOWED = (
    "numpy",
    "math",
    "typing",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
    "collections",
    "quant_pipelines.sdk",
    "quant_pipelines.indicators",
    "quant_pipelines.core",
)
_REFUSED_NAMES = frozenset(
    ("open", "exec", "eval", "compile", "input", "globals", "breakpoint", "__import__", "__builtins__")
)
_REFUSED_ATTRIBUTES = frozenset(
    (
        "fromfile",
        "tofile",
        "memmap",
        "loadtxt",
        "savetxt",
        "genfromtxt",
        "savez",
        "ctypeslib",
        "ctypes",
        "DataSource",
    )
)


def check_imports(name: str, tree: ast.Module) -> None:
    """Refuse a strategy that reaches for more than it may.

    Raises
    ------
    StrategyError
        Naming the strategy, the line and what was used.

    Examples
    --------
    >>> import ast
    >>> from quant_pipelines.core.errors import StrategyError
    >>> from quant_pipelines.sdk.imports import check_imports
    >>> check_imports("idea", ast.parse("import numpy as np"))
    >>> try:
    ...     check_imports("idea", ast.parse("import os"))
    ... except StrategyError as error:
    ...     print(str(error).split(";")[0])
    strategy idea: uses os in line 1
    """
    for node in ast.walk(tree):
        for used in _used(node):
            line = getattr(node, "lineno", 0)
            raise StrategyError(
                f"strategy {name}: uses {used} in line {line}; expected only {', '.join(ALLOWED)}, "
                "and nothing that reads or writes files"
            )


def _used(node: ast.AST) -> Iterator[str]:
    """Name what the node uses and may not."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if not _is_allowed(alias.name))
        case ast.ImportFrom(module=module, level=level):
            if level or not _is_allowed(module or ""):
                yield "." * level + (module or "")
        case ast.Name(id=identifier) if identifier in _REFUSED_NAMES:
            yield identifier
        case ast.Attribute(attr=attribute) if attribute in _REFUSED_ATTRIBUTES or _is_dunder(attribute):
            yield attribute


def _is_allowed(module: str) -> bool:
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in ALLOWED)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
