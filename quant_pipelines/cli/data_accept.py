"""``quant data accept``: odd values that are right, in the store or in an archive."""

import argparse

from quant_pipelines.cli.statement import add_statement, left_unread, state_beside
from quant_pipelines.operations.data_verbs import ACCEPT

__all__ = ["add_arguments", "left_unread", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_statement(parser, ACCEPT)


def run(arguments: argparse.Namespace) -> int:
    """Accept what a check finds now; exit code 1 when it finds nothing."""
    from quant_pipelines.cli.operator import decide

    if arguments.archive is None:
        return decide(ACCEPT, arguments, symbol=arguments.symbol, check=arguments.check)
    from quant_pipelines.archive.statements import ACCEPTED
    from quant_pipelines.core.errors import DataError
    from quant_pipelines.core.symbols import require_symbol
    from quant_pipelines.operations.file_check import check_archive
    from quant_pipelines.operations.statements import require_value_check
    from quant_pipelines.settings import load_settings

    require_symbol(arguments.symbol, load_settings().exchange.id)
    check = require_value_check(arguments.check)
    report = check_archive(arguments.archive, load_settings().exchange.id, [arguments.symbol])
    days = [row["day"] for row in report.findings if row["check_name"] == check]
    if not days:
        raise DataError(f"no {check} of {arguments.symbol} blocks in archive {arguments.archive}")
    row = {"check": check, "first": min(days).isoformat(), "last": max(days).isoformat()}
    return state_beside(arguments, ACCEPTED, row)
