"""Imports of ccxt only what an exchange needs: its packages import all of their hundred otherwise.

That costs 0.8 s of a processor and 54 MB in each process that talks to an exchange, the one that has to cover
a position after a crash among them. Nothing of ccxt is changed: its three packages are entered without their
``__init__``, and what those would have put there is imported when it is asked for.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
_BASES = {"ccxt": "ccxt.base.exchange"}
"""Where a package's ``Exchange`` comes from; that of the others is the asynchronous one."""


class _Lean(ModuleType):
    """A package of ccxt that holds the classes it was asked for."""

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system puts the module ``binance`` there; the package means the class in it.
        inside = getattr(value, name, None) if isinstance(value, ModuleType) else None
        super().__setattr__(name, inside if isinstance(inside, type) else value)

    def __getattr__(self, name: str) -> Any:
        errors = import_module("ccxt.base.errors")
        if hasattr(errors, name):
            return getattr(errors, name)
        if name == "Exchange":
            return import_module(_BASES.get(self.__name__, "ccxt.async_support.base.exchange")).Exchange
        if name.startswith("_") or find_spec(f"{self.__name__}.{name}") is None:
            raise AttributeError(f"{self.__name__} has no {name}")
        import_module(f"{self.__name__}.{name}")
        return vars(self)[name]


def exchange_class(exchange: str) -> Any:
    """Class of ccxt pro for an exchange.

    Where somebody imported all of ccxt before, it is taken from there.

    Parameters
    ----------
    exchange
        ccxt id.
    """
    if not any(name in sys.modules for name in _PACKAGES):
        _enter()
    return getattr(import_module("ccxt.pro"), exchange)


def _enter() -> None:
    """Put the packages there without what they import."""
    found = find_spec("ccxt")
    assert found is not None  # noqa: S101 - it is a dependency
    assert found.origin is not None  # noqa: S101 - and a package with a file
    root = Path(found.origin).parent
    for name in _PACKAGES:
        package = _Lean(name)
        _, _, child = name.partition(".")
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(root / child)]
        package.__spec__, package.__path__ = spec, spec.submodule_search_locations
        sys.modules[name] = package
        if child:
            setattr(sys.modules["ccxt"], child, package)
