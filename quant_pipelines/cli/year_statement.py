"""``quant statement``: a year of each account as CSV files: lots, fees, funding."""

import argparse
from pathlib import Path
from typing import get_args

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import csv_text, print_answer, write_text
from quant_pipelines.cli.parse import within
from quant_pipelines.core.bounds import ROW_ID, Bounds
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.pnl.lots import MatchOrder

_YEARS = Bounds(2009, 9998)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("year", metavar="YEAR", type=within(_YEARS, "year"), help="UTC year, such as 2026")
    about = "id of one account (default: every one that traded)"
    parser.add_argument("--account", metavar="N", type=within(ROW_ID, "account"), help=about)
    orders = get_args(MatchOrder)
    about = "which lot is closed first: the oldest or the newest (default: %(default)s)"
    parser.add_argument("--order", choices=orders, default=orders[0], help=about)
    about = "folder of the files; each account has one of its own in it"
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help=about)
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say what is in them."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.year_statement import COLUMNS, year_statement

    asked = {"year": arguments.year, "account_id": arguments.account, "order": arguments.order}
    with opened(arguments) as (engine, _):
        statements = year_statement(engine, system_clock_ms, **asked)
    accounts, lines = [], ["a record, no tax advice"]
    for one in statements:
        folder = _made(arguments.out / f"account-{one.account.id}-{one.account.venue}")
        files = {name: folder / f"{name}.csv" for name in one.tables}
        for name, file in files.items():
            write_text(file, csv_text(one.tables[name], COLUMNS[name]))
        counts = {name: len(rows) for name, rows in one.tables.items()}
        accounts.append({**one.account._asdict(), "folder": folder, "rows": counts})
        lines.append(f"{one.told} ({folder})")
    print_answer(arguments, {"year": arguments.year, "accounts": accounts}, "\n".join(lines))
    return 0


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out {str(folder)!r} can't be made: {error.strerror}") from error
    return folder
