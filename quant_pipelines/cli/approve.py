"""``quant approve``: admit a candidate to paper money, or a hot coin to the whitelist."""

import argparse

from quant_pipelines.cli.operator import decide
from quant_pipelines.operations.verbs import DECISIONS


def run(arguments: argparse.Namespace) -> int:
    """Approve it; exit code 1 with the rule that refuses."""
    what = arguments.what
    if what.isascii() and what.isdigit():
        return decide(DECISIONS["approve_candidate"], arguments, verdict_id=int(what))
    return decide(DECISIONS["approve_hot_coin"], arguments, symbol=what)
