"""``quant reject``: turn down a candidate that waits."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("verdict", metavar="VERDICT", type=int, help="id of a candidate")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reject it."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    return carry_out(
        arguments,
        lambda engine, _, signature: operations.reject_candidate(
            engine, signature, verdict_id=arguments.verdict, clock=system_clock_ms
        ),
    )
