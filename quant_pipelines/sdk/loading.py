"""Strategies from files: found by name or path, compiled from their text, never imported as a package."""

import ast
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from quant_pipelines.core.errors import ConfigurationError, StrategyError, unknown_name
from quant_pipelines.core.ids import content_hash
from quant_pipelines.sdk.imports import check_imports
from quant_pipelines.sdk.strategy import Strategy


@dataclass(frozen=True, slots=True)
class StrategySource:
    """Strategy as its file has it.

    Parameters
    ----------
    name
        File name without ``.py``.
    path
        The file, or None when the text came from elsewhere.
    content_hash
        Hash of the text: the strategy's version.
    source
        The text.
    strategy_class
        The one strategy class that the text defines.
    description
        First paragraph of the class's docstring, on one line.
    """

    name: str
    path: Path | None
    content_hash: str
    source: str
    strategy_class: type[Strategy]
    description: str


@dataclass(frozen=True, slots=True)
class BrokenStrategy:
    """File that can't be loaded, and the sentence that says why."""

    name: str
    path: Path
    error: str


def strategies_folder(explicit: str = "") -> Path:
    """Folder of strategy files: the explicit one, else ``./strategies``, else the installed ones.

    Raises
    ------
    ConfigurationError
        If the folder isn't there.
    """
    if explicit:
        folder = Path(explicit).expanduser()
        if not folder.is_dir():
            raise ConfigurationError(f"strategies_folder is {explicit!r}; expected an existing folder")
        return folder
    local = Path("strategies")
    if local.is_dir():
        return local.resolve()
    spec = importlib.util.find_spec("strategies")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("no strategies folder; expected ./strategies or the installed ones")
    return Path(next(iter(spec.submodule_search_locations)))


def list_strategies(folder: Path) -> list[StrategySource | BrokenStrategy]:
    """Every strategy file of a folder by name; the broken ones say why and stop nothing."""
    found: list[StrategySource | BrokenStrategy] = []
    for path in strategy_files(folder):
        try:
            found.append(_load_file(path))
        except StrategyError as error:
            found.append(BrokenStrategy(path.stem, path, str(error)))
    return found


def load_strategy(name_or_path: str, folder: Path) -> StrategySource:
    """Strategy by its name in the folder, or by the path of its file.

    Raises
    ------
    StrategyError
        One sentence if the name is unknown (the nearest one is suggested), the file is missing, has a
        syntax error, uses what it may not, raises, or doesn't define exactly one strategy class.
    """
    if name_or_path.endswith(".py") or "/" in name_or_path:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise StrategyError(f"strategy file {name_or_path!r} doesn't exist")
        return _load_file(path)
    files = {path.stem: path for path in strategy_files(folder)}
    if name_or_path not in files:
        raise StrategyError(unknown_name("strategy", name_or_path, files))
    return _load_file(files[name_or_path])


def compile_strategy(name: str, source: str, path: Path | None = None) -> StrategySource:
    """Strategy from its text, such as a stored version.

    Raises
    ------
    StrategyError
        As ``load_strategy``.
    """
    version = content_hash(source)
    module = ModuleType(f"quant_strategy_{name}_{version}")
    module.__file__ = str(path or f"<{name}>")
    _execute(name, source, module)
    strategy_class = _strategy_class(name, module)
    described = (strategy_class.__doc__ or "").strip().split("\n\n")[0]
    return StrategySource(name, path, version, source, strategy_class, " ".join(described.split()))


def strategy_files(folder: Path) -> list[Path]:
    """Files of a folder that are strategies, by name; what begins with an underscore is none."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _load_file(path: Path) -> StrategySource:
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyError(f"strategy {path.name}: can't be read: {error}") from error
    return compile_strategy(path.stem, source, path)


def _execute(name: str, source: str, module: ModuleType) -> None:
    try:
        tree = ast.parse(source, str(module.__file__))
        code = compile(tree, str(module.__file__), "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise StrategyError(f"strategy {name}: syntax error in line {line}: {error.args[0]}") from error
    check_imports(name, tree)
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the plugin is the point
    except Exception as error:
        del sys.modules[module.__name__]
        raise StrategyError(f"strategy {name}: {type(error).__name__} at import: {error}") from error


def _strategy_class(name: str, module: ModuleType) -> type[Strategy]:
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise StrategyError(f"strategy {name}: defines {len(classes)} strategy classes; expected one")
    return classes[0]
