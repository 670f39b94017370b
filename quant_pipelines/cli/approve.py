"""``quant approve``: admit a candidate to paper money, or a hot coin to the whitelist."""

import argparse

from quant_pipelines.cli.operator import add_signature, carry_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", metavar="VERDICT|SYMBOL", help="id of a candidate, or such as BTC/USDT:USDT")
    add_signature(parser)


def run(arguments: argparse.Namespace) -> int:
    """Approve it; exit code 1 with the rule that refuses."""
    from quant_pipelines import operations
    from quant_pipelines.core.clock import system_clock_ms

    if arguments.what.isascii() and arguments.what.isdigit():
        number = int(arguments.what)
        return carry_out(
            arguments,
            lambda engine, settings, signature: operations.approve_candidate(
                engine, settings, signature, verdict_id=number, clock=system_clock_ms
            ),
        )
    return carry_out(
        arguments,
        lambda engine, settings, signature: operations.approve_coin(
            engine, settings.exchange.id, signature, symbol=arguments.what, clock=system_clock_ms
        ),
    )
