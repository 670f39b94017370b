"""What verbs share that say something of market data: of the stack's, or of an archive's."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from quant_pipelines.cli.operator import add_asker, add_field
from quant_pipelines.cli.output import print_answer
from quant_pipelines.operations.verb import Verb


def add_statement(parser: argparse.ArgumentParser, verb: Verb) -> None:
    """Declare a verb's fields, who signs, and the archive that may be meant instead of the store."""
    for field in verb.fields:
        add_field(parser, field)
    add_asker(parser, "signature")
    parser.add_argument(
        "--archive", type=Path, metavar="DIR", help="write it beside an archive's files, not into the store"
    )


def left_unread(arguments: argparse.Namespace) -> dict[str, str]:
    """Name what says which store, where an archive is meant."""
    return {} if arguments.archive is None else {"home": "it is written beside an archive's files"}


def state_beside(arguments: argparse.Namespace, name: str, row: Mapping[str, str]) -> int:
    """Add a signed row to one of an archive's files, and say so."""
    from quant_pipelines.archive.statements import state
    from quant_pipelines.operations.receipt import Signature
    from quant_pipelines.settings import load_settings

    signature = Signature(arguments.operator, arguments.reason)
    head = {"exchange": load_settings().exchange.id, "symbol": arguments.symbol}
    whole = {**head, **row, "operator": signature.operator, "reason": signature.reason}
    state(arguments.archive, name, whole)
    print_answer(
        arguments, {"file": str(arguments.archive / name), **whole}, f"{arguments.archive / name}: added"
    )
    return 0
