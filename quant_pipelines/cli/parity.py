"""``quant parity``: what each deployment did on a day, beside its replay."""

import argparse

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import day

_COLUMNS = ("deployment_id", "strategy", "symbol", "n_fills", "difference", "causes", "rest", "verdict")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "day", metavar="DAY", nargs="?", type=day, help="UTC day that is over (default: yesterday)"
    )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Replay the day, store and show what came of it; 1 unless everything is equal or explained."""
    from quant_pipelines.cli.history import columns_folder
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.parity import check_parity, shown_day

    with opened(arguments) as (engine, _):
        report = check_parity(engine, system_clock_ms, day=arguments.day, columns=columns_folder(arguments))
    document = {
        "day": report.day,
        "is_fine": report.is_fine,
        "deployments": report.rows,
        "done": [receipt.to_document() for receipt in report.receipts],
    }
    lines = [report.told]
    if report.rows:
        lines.append(table([shown_day(row) for row in report.rows], _COLUMNS))
    lines += [f"  deployment:{row['deployment_id']}: {row['reason']}" for row in report.rows if row["reason"]]
    lines += [f"  {receipt.summary}" for receipt in report.receipts]
    print_answer(arguments, document, "\n".join(lines))
    return 0 if report.is_fine else 1
