"""Strategies from files: found by name or path, compiled from their text, never imported as a package."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.ids import content_hash
from quant_pipelines.sdk.compiled import CompiledStrategy, bind_handlers
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

    Examples
    --------
    >>> from quant_pipelines.sdk import compile_strategy
    >>> from quant_pipelines.sdk.scaffold import scaffold
    >>> found = compile_strategy("my_idea", scaffold("my_idea"))
    >>> found.name, found.path, found.strategy_class()
    ('my_idea', None, MyIdea(window=50, hard_stop=0.05))
    >>> found.description
    'Long while the price is above its average, short while it is below.'
    """

    name: str
    path: Path | None
    content_hash: str
    source: str
    strategy_class: type[Strategy]
    description: str


@dataclass(frozen=True, slots=True)
class BrokenStrategy:
    """File that can't be loaded, and the sentence that says why.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from quant_pipelines.sdk import list_strategies
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "late.py").write_text("window = 5")
    ...     print(list_strategies(Path(folder))[0].error)
    strategy late: defines 0 strategy classes; expected one
    """

    name: str
    path: Path
    error: str


def list_strategies(folder: Path) -> list[StrategySource | BrokenStrategy]:
    """Every strategy file of a folder by name; the broken ones say why and stop nothing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from quant_pipelines.sdk import list_strategies
    >>> from quant_pipelines.sdk.scaffold import scaffold
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "my_idea.py").write_text(scaffold("my_idea"))
    ...     _ = Path(folder, "broken.py").write_text("import os")
    ...     print([(found.name, type(found).__name__) for found in list_strategies(Path(folder))])
    [('broken', 'BrokenStrategy'), ('my_idea', 'StrategySource')]
    """
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

    Examples
    --------
    >>> from quant_pipelines.sdk import load_strategy, strategies_folder
    >>> load_strategy("donchian_turtle", strategies_folder()).strategy_class.__name__
    'DonchianTurtle'
    >>> load_strategy("donchian", strategies_folder())
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: unknown strategy 'donchian'; did you mean 'donchian_turtle'?
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

    Examples
    --------
    >>> from quant_pipelines.sdk import compile_strategy
    >>> from quant_pipelines.sdk.scaffold import scaffold
    >>> text = scaffold("my_idea")
    >>> compile_strategy("my_idea", text).strategy_class(window=30)
    MyIdea(window=30, hard_stop=0.05)
    >>> one, other = compile_strategy("my_idea", text), compile_strategy("my_idea", text + "# changed")
    >>> one.content_hash == other.content_hash  # a changed text is another version
    False
    """
    version = content_hash(source)
    module = ModuleType(f"quant_strategy_{name}_{version}")
    module.__file__ = str(path or f"<{name}>")
    execute_text(name, source, module)
    strategy_class = _strategy_class(name, module)
    if issubclass(strategy_class, CompiledStrategy):
        bind_handlers(name, ast.parse(source), module, strategy_class)
    described = (strategy_class.__doc__ or "").strip().split("\n\n")[0]
    return StrategySource(name, path, version, source, strategy_class, " ".join(described.split()))


def strategy_files(folder: Path) -> list[Path]:
    """Files of a folder that are strategies, by name; what begins with an underscore is none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from quant_pipelines.sdk.loading import strategy_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.py", "a.py", "_draft.py", "notes.txt"):
    ...         Path(folder, name).touch()
    ...     print([path.name for path in strategy_files(Path(folder))])
    ['a.py', 'b.py']
    """
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _load_file(path: Path) -> StrategySource:
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyError(f"strategy {path.name}: can't be read: {error}") from error
    return compile_strategy(path.stem, source, path)


def execute_text(name: str, source: str, module: ModuleType) -> None:
    """Run a text in a module, once it is known to use nothing that it may not.

    Raises
    ------
    StrategyError
        If it has a syntax error, uses what it may not, or raises.

    Examples
    --------
    >>> from types import ModuleType
    >>> from quant_pipelines.sdk.loading import execute_text
    >>> module = ModuleType("made_up")
    >>> module.__file__ = "<made_up>"
    >>> execute_text("made_up", "window = 5", module)
    >>> module.window
    5
    """
    try:
        tree = ast.parse(source, str(module.__file__))
        code = compile(tree, str(module.__file__), "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise StrategyError(f"strategy {name}: syntax error in line {line}: {error.args[0]}") from error
    except RecursionError as error:
        raise StrategyError(f"strategy {name}: an expression is too deep; expected shorter ones") from error
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
