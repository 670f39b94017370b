"""What a user meets is shown at work: its docstring has an example, and the suite runs it."""

import ast
import importlib
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHOLE = ("accounting", "sdk", "optimize", "metrics")
EXPORTED = ("backtest", "costs", "indicators")
"""Packages whose inside is not for users: what they export is shown."""


def defined_in(package: str) -> Iterator[tuple[str, str]]:
    """Public classes and functions of a package's files, with their docstrings; entry points aside."""
    for path in sorted((ROOT / "quant_pipelines" / package).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and node.name != "main":
                yield f"{path.relative_to(ROOT)}: {node.name}", ast.get_docstring(node) or ""


def exported_by(package: str) -> Iterator[tuple[str, str]]:
    """Classes and functions that a package exports, with their own docstrings."""
    found = importlib.import_module(f"quant_pipelines.{package}")
    for name in found.__all__:
        item = getattr(found, name)
        if inspect.isclass(item) or inspect.isroutine(item):
            yield f"quant_pipelines.{package}.{name}", item.__doc__ or ""


@pytest.mark.parametrize("package", WHOLE)
def test_every_public_name_of_the_package_has_an_example(package: str) -> None:
    assert [name for name, text in defined_in(package) if ">>>" not in text] == []


@pytest.mark.parametrize("package", EXPORTED)
def test_every_exported_name_of_the_package_has_an_example(package: str) -> None:
    assert [name for name, text in exported_by(package) if ">>>" not in text] == []


@pytest.mark.parametrize("package", ["accounting", "sdk", "metrics", *EXPORTED])
def test_no_exported_name_is_compiled_for_compiled_code_alone(package: str) -> None:
    """Python that calls such a function ends without a word."""
    found = importlib.import_module(f"quant_pipelines.{package}")
    options = {name: getattr(getattr(found, name), "targetoptions", {}) for name in found.__all__}
    assert [name for name, given in options.items() if given.get("no_cpython_wrapper")] == []


@pytest.mark.parametrize("package", [*WHOLE, *EXPORTED])
def test_the_suite_runs_the_examples_of_the_package(package: str) -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert "--doctest-modules" in options["addopts"]
    assert f"quant_pipelines/{package}" in options["testpaths"]
