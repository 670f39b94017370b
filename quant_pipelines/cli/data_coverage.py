"""``quant data coverage``: how many bars of what are stored, and how many are missing between."""

import argparse

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.core.symbols import require_symbol


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "symbols", metavar="SYMBOL", type=require_symbol, nargs="*", help="only these (default: the universe)"
    )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the coverage of each symbol and timeframe."""
    from quant_pipelines.operations.coverage import bar_coverage

    with opened(arguments) as (engine, settings):
        rows = bar_coverage(engine, settings.exchange.id, arguments.symbols)
    print_answer(
        arguments,
        {"bars": rows},
        table(rows, ("symbol", "timeframe", "first", "last", "bars", "missing", "never_existed")),
    )
    return 0
