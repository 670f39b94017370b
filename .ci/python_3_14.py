"""Compiles every file with all warnings as errors, and imports what needs only the standard library.

Run by ``.ci/python-3.14`` inside CPython 3.14. Usage: python_3_14.py ROOT; the last line counts what
was proven.
"""

import ast
import importlib
import sys
import warnings
from pathlib import Path

FOLDERS = ("quant_pipelines", "live_runner", "assets", "jobs", "sensors", "strategies", "tests", "benchmarks")
OWN = ("quant_pipelines", "live_runner", "assets", "jobs", "sensors", "strategies")
NEEDS_OS = {"resource", "fcntl", "multiprocessing", "pwd", "grp", "termios", "ssl", "sqlite3"}
"""Modules of the standard library that the WebAssembly build leaves out."""


def names_imported(tree: ast.AST) -> set[str]:
    """Full names of all modules that a file imports, at its top or later."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def module_name(path: Path) -> str:
    """Name under which a file is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parents(name: str) -> list[str]:
    """List the packages that are imported on the way to a module, and the module."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def needs_only_the_standard_library(name: str, imports: dict[str, set[str]], seen: set[str]) -> bool:
    """Whether nothing but the standard library is met on the way from a module, however far."""
    for module in parents(name):
        if module not in imports or module in seen:
            continue
        seen.add(module)
        for found in imports[module]:
            top = found.split(".")[0]
            if top in OWN:
                if not needs_only_the_standard_library(found, imports, seen):
                    return False
            elif top not in sys.stdlib_module_names or top in NEEDS_OS:
                return False
    return True


def main() -> int:
    """Compile, import, and say what was done."""
    root = Path(sys.argv[1])
    warnings.simplefilter("error")
    imports: dict[str, set[str]] = {}
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    for path in files:
        tree = ast.parse(path.read_bytes(), str(path))
        compile(tree, str(path), "exec")
        imports[module_name(path.relative_to(root))] = names_imported(tree)
    sys.path.insert(0, str(root))
    plain = [
        name
        for name in imports
        if name.split(".")[0] in OWN
        and not name.endswith("__main__")
        and needs_only_the_standard_library(name, imports, set())
    ]
    for name in plain:
        importlib.import_module(name)
    version = ".".join(map(str, sys.version_info[:3]))
    sys.stdout.write(f"CPython {version}: {len(files)} files compiled, {len(plain)} modules imported\n")
    return 0 if len(files) > 500 and len(plain) >= 40 else 1


if __name__ == "__main__":
    sys.exit(main())
