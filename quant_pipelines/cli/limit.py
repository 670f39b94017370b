"""``quant limit``: set a risk limit of the account or of one deployment."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out, scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("scope", metavar="SCOPE", type=scope, help="account, or a deployment such as 3")
    parser.add_argument("name", metavar="NAME", help="such as max_leverage; see quant settings show")
    parser.add_argument("value", metavar="VALUE", type=float, help="fraction, ratio or seconds")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Set it; the tightest limit that applies wins."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    return carry_out(
        arguments,
        lambda engine, _, signature: operations.set_limit(
            engine, signature, arguments.scope, arguments.name, arguments.value, clock=system_clock_ms
        ),
    )
