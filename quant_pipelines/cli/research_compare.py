"""``quant research compare``: the difference of two records on the days that both have."""

import argparse

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import within
from quant_pipelines.core.bounds import ROW_ID


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    for name in ("first", "second"):
        parser.add_argument(
            name, metavar=name.upper(), type=within(ROW_ID, "id"), help=f"id of the {name} verdict"
        )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both, and first minus second."""
    from quant_pipelines.operations.research import compare_verdicts
    from quant_pipelines.store.engine import transaction

    with opened(arguments) as (engine, _), transaction(engine) as connection:
        document = compare_verdicts(connection, arguments.first, arguments.second)
    columns = ("verdict_id", "strategy", "symbol", "timeframe", "days", "total_return", "sharpe")
    text = "\n".join([table(document["verdicts"], columns), f"  {document['answer']}"])
    print_answer(arguments, document, text)
    return 0
