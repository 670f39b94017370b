"""``quant promote``: one stage up the ladder; canary and live need two operators, one after the other."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out, deployment_number
from quant_pipelines.core.stages import LADDER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("deployment", metavar="DEPLOYMENT", type=deployment_number, help="its id")
    parser.add_argument("target", choices=LADDER, help="the next stage")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Promote or propose it; exit code 1 with everything that is missing."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    return carry_out(
        arguments,
        lambda engine, settings, signature: operations.promote(
            engine,
            settings.ladder,
            signature,
            deployment_id=arguments.deployment,
            target=arguments.target,
            clock=system_clock_ms,
        ),
    )
