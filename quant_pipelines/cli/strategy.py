"""``quant strategy``: list the strategies, start a new one, and put one through the contract."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quant_pipelines.cli.output import print_document, table
from quant_pipelines.core.errors import ConfigurationError


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; check and test answer 1 when a rule is broken."""
    if arguments.action == "list":
        return _list(as_json=arguments.json)
    if arguments.action == "new":
        return _new(Path(arguments.strategy), is_event=arguments.event, as_json=arguments.json)
    return _check(arguments.strategy, as_json=arguments.json, with_trades=arguments.action == "test")


def _folder() -> Path:
    from quant_pipelines.sdk import strategies_folder
    from quant_pipelines.settings import home_folder, load_settings
    from quant_pipelines.stack.home import Home, strategies_in_force

    return strategies_folder(strategies_in_force(Home(home_folder()), load_settings().strategies_folder))


def _list(*, as_json: bool) -> int:
    from quant_pipelines.sdk import BrokenStrategy, StrategySource, list_strategies

    folder = _folder()
    found = list_strategies(folder)
    rows = [_row(source) for source in found if isinstance(source, StrategySource)]
    broken = [item for item in found if isinstance(item, BrokenStrategy)]
    if as_json:
        faults = [{"name": item.name, "path": item.path, "error": item.error} for item in broken]
        print_document({"folder": folder, "strategies": rows, "broken": faults})
        return 0
    print(table(rows, ("name", "version", "description")))
    for item in broken:
        print(f"quant: {item.error}", file=sys.stderr)
    return 0


def _row(source: Any) -> dict[str, Any]:
    return {
        "name": source.name,
        "path": source.path,
        "version": source.content_hash,
        "description": source.description,
        "inputs": asdict(source.strategy_class.inputs),
        "parameters": source.strategy_class.describe_space(),
    }


def _new(path: Path, *, is_event: bool, as_json: bool) -> int:
    from quant_pipelines.sdk.scaffold import scaffold

    if path.suffix != ".py" or not path.stem.isidentifier():
        raise ConfigurationError(f"{str(path)!r} can't be a strategy; expected a name such as my_idea.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(scaffold(path.stem, is_event=is_event))
    except FileExistsError as error:
        raise ConfigurationError(f"{str(path)!r} is there already; nothing was written") from error
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} can't be written: {error.strerror}") from error
    if as_json:
        print_document({"path": path})
    else:
        print(f"{path} is written; try it with: quant strategy check {path}")
    return 0


def _check(wanted: list[str], *, as_json: bool, with_trades: bool) -> int:
    from quant_pipelines.cli.strategy_check import check_file, files_of

    results = [check_file(name, path, with_trades=with_trades) for name, path in files_of(wanted, _folder())]
    if as_json:
        print_document({"strategies": results})
    else:
        rows = [{"strategy": one["name"], **check} for one in results for check in one["checks"]]
        shown = [row | {"passed": "pass" if row["passed"] else "FAIL"} for row in rows]
        print(table(shown, ("strategy", "check", "passed", "detail")))
    return 0 if all(one["passed"] for one in results) else 1
