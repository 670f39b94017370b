"""``quant rollback``: take a shadow, canary or live deployment out again."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out, deployment_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("deployment", metavar="DEPLOYMENT", type=deployment_number, help="its id")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Roll it back."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    return carry_out(
        arguments,
        lambda engine, _, signature: operations.roll_back(
            engine, signature, deployment_id=arguments.deployment, clock=system_clock_ms
        ),
    )
