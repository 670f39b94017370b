"""``quant data coverage``: how many bars of what are stored, and how many are missing between."""

import argparse

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.symbols import require_symbol


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "symbols",
        metavar="SYMBOL",
        type=require_symbol,
        nargs="*",
        help="only these (default: all that is stored)",
    )
    parser.add_argument("--exchange", type=require_exchange, help="ccxt id (default: exchange.id)")
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the coverage of each symbol and timeframe."""
    from quant_pipelines.operations.coverage import bar_coverage
    from quant_pipelines.store.imported import read_imported

    with opened(arguments) as (engine, settings):
        exchange = arguments.exchange or settings.exchange.id
        rows = bar_coverage(engine, exchange, arguments.symbols)
        files = read_imported(engine, exchange, arguments.symbols)
    text = table(rows, ("symbol", "timeframe", "first", "last", "bars", "missing", "never_existed"))
    if files:
        names = ("symbol", "kind", "timeframe", "first", "last", "rows", "layout", "file")
        text = f"{text}\n\nbrought in from files:\n{table(files, names)}"
    print_answer(arguments, {"bars": rows, "files": files}, text)
    return 0
