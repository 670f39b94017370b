"""Which decision it is: a digest of the sources and libraries that a look's numbers come from."""

import ast
import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_DECIDING = ("optimize/decision", "optimize/capital", "optimize/outcome.py", "metrics/rounding.py")
_LIBRARIES = ("numpy", "scipy", "numba")


@cache
def decision_digest() -> str:
    """First 16 hex digits of the SHA-256 over what decides; what only explains it is no part of it.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import decision_digest
    >>> len(decision_digest())
    16
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}".encode())
    for named in _DECIDING:
        place = _PACKAGE / named
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(_PACKAGE).as_posix().encode())
            digest.update(meaning_of(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def meaning_of(source: str) -> str:
    """Return a source without its comments, docstrings and layout.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital.source import meaning_of
    >>> meaning_of("x = 1  # one") == meaning_of("x = (1)") != meaning_of("x = 2")
    True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [line for line in node.body if not _is_text(line)]
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )
