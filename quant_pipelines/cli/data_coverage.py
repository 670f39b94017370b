"""``quant data coverage``: how many bars of what are stored, and how many are missing between."""

import argparse

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer, table


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
