"""``quant approve``: admit a candidate to paper money, or a hot coin to the whitelist."""

import argparse

from quant_pipelines.cli.operator import add_signature, decide
from quant_pipelines.operations.verbs import DECISIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", metavar="VERDICT|SYMBOL", help="id of a candidate, or such as BTC/USDT:USDT")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Approve it; exit code 1 with the rule that refuses."""
    what = arguments.what
    if what.isascii() and what.isdigit():
        return decide(DECISIONS["approve_candidate"], arguments, verdict_id=int(what))
    return decide(DECISIONS["approve_hot_coin"], arguments, symbol=what)
