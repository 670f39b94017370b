"""``quant data coverage``: how many bars of what are stored, and how many are missing between."""

import argparse

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer, table


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
