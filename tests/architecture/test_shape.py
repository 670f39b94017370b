"""What keeps signatures readable: named values instead of tuples, few parameters, one meaning for a name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("quant_pipelines", "assets", "jobs", "sensors", "live_runner", "strategies")

MOST_WIDE_FUNCTIONS = 16
"""Functions with six or more parameters, as of today; the number only goes down."""
MOST_SHARED_NAMES = 6
MOST_LINES = 400


WORDS = {
    "side",
    "status",
    "stage",
    "direction",
    "order_type",
    "purpose",
    "trading_state",
    "severity",
}
"""Fields and parameters that hold one of a few words: each has a type that names them all."""
FOREIGN_WORDS = "quant_pipelines/simulator"
"""It answers in the venue's words, as they stand in its documents."""


@cache
def modules() -> dict[Path, ast.Module]:
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in paths}


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    given = function.args
    starred = [one for one in (given.vararg, given.kwarg) if one is not None]
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [one for one in named if one.arg not in ("self", "cls")] + starred


def is_fixed_tuple(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=members)):
            return not any(isinstance(one, ast.Constant) and one.value is ... for one in members)
    return False


def has_fixed_tuple(annotation: ast.expr | None) -> bool:
    """Whether a tuple of fixed length stands anywhere in it, also as a member of a list or a result."""
    return annotation is not None and any(map(is_fixed_tuple, ast.walk(annotation)))


def is_any_text(annotation: ast.expr | None) -> bool:
    """Whether a value may be any text; members of a list or a document are another matter."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            return is_any_text(left) or is_any_text(right)
        case ast.Name(id="str"):
            return True
    return False


def named_values() -> Iterator[tuple[Path, int, str, ast.expr | None]]:
    """Fields of classes and parameters, with what they are declared as."""
    for path, tree in modules().items():
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for field in (node for node in owner.body if isinstance(node, ast.AnnAssign)):
                yield path, field.lineno, ast.unparse(field.target), field.annotation
    for path, function in functions():
        for one in parameters(function):
            yield path, one.lineno, one.arg, one.annotation


def package_of(path: Path) -> str:
    return "/".join(path.parts[:2]) if path.parts[0] == "quant_pipelines" else path.parts[0]


def test_no_parameter_is_a_tuple_whose_members_have_no_names() -> None:
    found = [
        f"{path}:{function.lineno} {function.name}({one.arg})"
        for path, function in functions()
        for one in parameters(function)
        if has_fixed_tuple(one.annotation)
    ]
    assert found == []


def test_what_is_one_of_a_few_words_is_not_declared_as_any_text() -> None:
    found = [
        f"{path}:{line} {name}"
        for path, line, name, annotation in named_values()
        if name in WORDS and is_any_text(annotation) and not path.is_relative_to(FOREIGN_WORDS)
    ]
    assert found == []


def test_functions_with_six_or_more_parameters_do_not_become_more() -> None:
    wide = [f"{path}:{one.lineno} {one.name}" for path, one in functions() if len(parameters(one)) >= 6]
    assert len(wide) <= MOST_WIDE_FUNCTIONS, wide


def test_no_file_is_longer_than_one_reads_at_once() -> None:
    folders = (ROOT / folder for folder in (*PACKAGES, "tests", "benchmarks"))
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in folders
        for path in folder.rglob("*.py")
    }
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}


def test_a_class_name_means_one_thing() -> None:
    packages: dict[str, set[str]] = defaultdict(set)
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                packages[node.name].add(package_of(path))
    shared = {name: found for name, found in packages.items() if len(found) > 1}
    assert len(shared) <= MOST_SHARED_NAMES, shared
