"""Packages that import what is asked for: every name is there, and no other."""

from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["accounting", "lifecycle", "risk", "trading"])
def test_a_package_has_the_names_that_it_lists_and_no_other(name: str) -> None:
    package = import_module(f"quant_pipelines.{name}")
    assert all(getattr(package, one) is not None for one in package.__all__)
    with pytest.raises(AttributeError, match=f"module 'quant_pipelines.{name}' has no attribute 'nothing'"):
        _ = package.nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec(f"from quant_pipelines.{name} import nothing")  # noqa: S102 - as a module would
