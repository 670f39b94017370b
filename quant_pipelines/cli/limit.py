"""``quant limit``: set a limit of the account, of one deployment, or of each deployment of a strategy."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out, scope
from quant_pipelines.core.limits import QUOTAS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "scope",
        metavar="SCOPE",
        type=limit_scope,
        help="account, a deployment such as 3, or a strategy such as strategy:ema_cross",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        help=f"such as max_leverage (see quant settings show); or a quota: {', '.join(QUOTAS)}",
    )
    parser.add_argument(
        "value", metavar="VALUE", type=float, help="fraction, ratio, seconds, quote, base or orders"
    )
    add_signature(parser)


def limit_scope(text: str) -> str:
    """Name of a scope: ``strategy:<name>``, or what every operator's verb takes."""
    return text if text.startswith("strategy:") else scope(text)


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
