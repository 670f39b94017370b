"""``quant strategy list``: the strategies of the folder, and what is wrong with the broken ones."""

import argparse
import sys
from typing import Any

from quant_pipelines.cli.output import print_document, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=("list",), help="list: every strategy of the folder")


def run(arguments: argparse.Namespace) -> int:
    """List the strategies; a broken file is reported and stops nothing."""
    from quant_pipelines.sdk import BrokenStrategy, StrategySource, list_strategies, strategies_folder
    from quant_pipelines.settings import load_settings

    folder = strategies_folder(load_settings().strategies_folder)
    found = list_strategies(folder)
    rows = [_row(source) for source in found if isinstance(source, StrategySource)]
    broken = [item for item in found if isinstance(item, BrokenStrategy)]
    if arguments.json:
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
        "parameters": source.strategy_class.describe_space(),
    }
