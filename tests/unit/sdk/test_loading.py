"""Strategy files: found, compiled, refused in one sentence."""

import sys
from pathlib import Path

import pytest

from quant_pipelines.core.errors import ConfigurationError, StrategyError
from quant_pipelines.core.ids import content_hash
from quant_pipelines.sdk import (
    BrokenStrategy,
    StrategySource,
    compile_strategy,
    list_strategies,
    load_strategy,
    strategies_folder,
)

GOOD = '''"""Good."""
from quant_pipelines.sdk import Int, Strategy

class Good(Strategy):
    """Buys
    and holds.

    For a while.
    """
    window = Int(5, low=1, high=9)
'''
BROKEN = {
    "syntax": ("class Bad(:\n", "strategy syntax: syntax error in line 1: invalid syntax"),
    "missing": ("x = 1\n", "strategy missing: defines 0 strategy classes; expected one"),
    "two": (
        GOOD + "\nclass Other(Strategy):\n    pass\n",
        "strategy two: defines 2 strategy classes; expected one",
    ),
    "raises": ("1 / 0\n", "strategy raises: ZeroDivisionError at import: division by zero"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "_private.py").write_text("1 / 0")
    return tmp_path


def test_strategy_is_loaded_by_name_and_by_path(folder: Path) -> None:
    by_name, by_path = load_strategy("good", folder), load_strategy(str(folder / "good.py"), Path("nowhere"))
    assert by_name.content_hash == by_path.content_hash == content_hash(GOOD)
    assert by_name.source == GOOD
    assert by_name.description == "Buys and holds."
    assert by_name.strategy_class(window=3).parameters == {"window": 3}


def test_stored_text_is_the_same_version() -> None:
    stored = compile_strategy("good", GOOD)
    assert (stored.path, stored.content_hash) == (None, content_hash(GOOD))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    source, sentence = BROKEN[name]
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(StrategyError) as caught:
        load_strategy(name, tmp_path)
    assert str(caught.value) == sentence


def test_broken_file_is_listed_and_hides_no_other(folder: Path) -> None:
    (folder / "bad.py").write_text("class Bad(:\n")
    bad, good = list_strategies(folder)
    assert isinstance(bad, BrokenStrategy)
    assert bad.error.startswith("strategy bad: syntax error in line 1")
    assert isinstance(good, StrategySource)


def test_unknown_name_suggests_the_nearest(folder: Path) -> None:
    with pytest.raises(StrategyError, match="unknown strategy 'goood'; did you mean 'good'"):
        load_strategy("goood", folder)


def test_missing_file_is_one_sentence(folder: Path) -> None:
    with pytest.raises(StrategyError, match=r"strategy file './absent.py' doesn't exist"):
        load_strategy("./absent.py", folder)


def test_folder_is_the_explicit_one_else_the_local_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert strategies_folder(str(folder)) == folder
    (tmp_path / "work" / "strategies").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert strategies_folder() == tmp_path / "work" / "strategies"
    with pytest.raises(
        ConfigurationError, match="strategies_folder is 'absent'; expected an existing folder"
    ):
        strategies_folder("absent")


def test_installed_folder_is_found_without_importing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {path.stem for path in strategies_folder().glob("*.py")}
    assert {"ema_cross", "bollinger_reversion"} <= names
    assert "strategies" not in sys.modules
