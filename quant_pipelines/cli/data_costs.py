"""``quant data costs``: what own fills say that trading costs, as values for the settings."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table
from quant_pipelines.core.symbols import require_symbol

_COLUMNS = ("venue", "symbol", "orders", "unusable", "slippage_bps", "impact_bps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "symbols", metavar="SYMBOL", type=require_symbol, nargs="*", help="only these (default: all)"
    )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the estimates of each venue and symbol."""
    from dataclasses import asdict

    from quant_pipelines.operations.costs import own_costs

    with opened(arguments) as (engine, settings):
        rows, declared = own_costs(engine, arguments.symbols), asdict(settings.costs)
    if arguments.json:
        print_document({"costs": rows, "declared": declared})
        return 0
    print(table([_shown(row) for row in rows], _COLUMNS))
    for row in rows:
        if "settings" in row:
            values = ", ".join(f"{name} = {value}" for name, value in row["settings"].items())
            print(f"{row['venue']} {row['symbol']}: [costs] {values}")
    return 0


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    estimates: dict[str, Any] = {
        name: f"{row[name]:.2f} ± {row[name.replace('_bps', '_error_bps')]:.2f}"
        for name in ("slippage_bps", "impact_bps")
        if name in row
    }
    return {**dict.fromkeys(_COLUMNS, "-"), **row, **estimates}
