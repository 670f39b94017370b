"""``quant disable``: stop a deployment; it cools and may come back, or it is retired."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out, deployment_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("deployment", metavar="DEPLOYMENT", type=deployment_number, help="its id")
    parser.add_argument("--retire", action="store_true", help="for good; its book must hold no position")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Disable it."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    return carry_out(
        arguments,
        lambda engine, _, signature: operations.disable(
            engine,
            signature,
            deployment_id=arguments.deployment,
            target="retired" if arguments.retire else "cooling",
            clock=system_clock_ms,
        ),
    )
