"""``quant data``: what market data are stored, and what is wrong with them."""

import argparse

from quant_pipelines.cli import data_import
from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=("check", "coverage", "import"))
    parser.add_argument(
        "symbols", metavar="SYMBOL|FILE", nargs="*", help="only these (default: the universe)"
    )
    add_home(parser)
    data_import.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Coverage, files in, or check it all again: exit code 1 when a finding blocks."""
    if arguments.action == "import":
        return data_import.run(arguments)
    return _check(arguments) if arguments.action == "check" else _coverage(arguments)


def _coverage(arguments: argparse.Namespace) -> int:
    from quant_pipelines.operations.coverage import bar_coverage

    with opened(arguments) as (engine, settings):
        rows = bar_coverage(engine, settings.exchange.id, arguments.symbols)
    if arguments.json:
        print_document({"bars": rows})
    else:
        print(table(rows, ("symbol", "timeframe", "first", "last", "bars", "missing")))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.coverage import check_stored

    with opened(arguments) as (engine, settings):
        report = check_stored(engine, settings.exchange.id, arguments.symbols, system_clock_ms)
    if arguments.json:
        print_document(report)
    else:
        print(f"{report['bars']:,} bars checked, {report['resolved']} findings resolved")
        columns = ("symbol", "timeframe", "day", "check_name", "severity", "count")
        print(table(report["findings"], columns))
    return 1 if any(row["severity"] == "block" for row in report["findings"]) else 0
