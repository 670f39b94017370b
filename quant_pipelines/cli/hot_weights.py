"""``quant hot weights``: show the weights of the hot score, or set one."""

import argparse

from quant_pipelines.cli.operator import add_asker, add_field, decide, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import UsageError
from quant_pipelines.operations.hot_verbs import WEIGHTS

_WEIGHTS = ("factor", "weight", "base", "low", "high", "direction", "needs", "meaning")
_USEFUL = ("ranking", "target", "horizon_hours", "hours", "coefficient", "low", "high", "claim")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none shows, a factor and a weight set."""
    from dataclasses import replace

    for field in WEIGHTS.fields:
        add_field(parser, replace(field, is_optional=True, default=None))
    add_asker(parser, "operator")


def run(arguments: argparse.Namespace) -> int:
    """Show the weights, or set the one that is named."""
    if arguments.factor is None:
        return _show(arguments)
    if arguments.weight is None:
        raise UsageError(f"weight of {arguments.factor} is not given; expected a number from 0 to 1000")
    if not arguments.reason:
        raise UsageError("hot weights names no reason; expected --reason: every decision is signed")
    return decide(WEIGHTS, arguments, factor=arguments.factor, weight=arguments.weight)


def left_unread(arguments: argparse.Namespace) -> dict[str, str]:
    """Name what showing does not read."""
    if arguments.factor is not None:
        return {}
    return dict.fromkeys(("operator", "reason", "code"), "no factor is")


def _show(arguments: argparse.Namespace) -> int:
    from quant_pipelines.hotlist.factors import FACTORS
    from quant_pipelines.marketdata.scan import weights_of
    from quant_pipelines.store.engine import transaction
    from quant_pipelines.store.hot_usefulness import newest_usefulness

    with opened(arguments) as (engine, settings):
        exchange = settings.exchange.id
        with transaction(engine) as connection:
            known = weights_of(connection, exchange, settings.hotlist)
        seen = newest_usefulness(engine, exchange)
    rows = [
        known[one.name]._asdict()
        | {"direction": one.direction, "needs": ", ".join(one.needs), "meaning": one.meaning}
        for one in FACTORS
    ]
    told = table(seen, _USEFUL) if seen else "their usefulness was not measured yet"
    print_answer(arguments, {"weights": rows, "usefulness": seen}, f"{table(rows, _WEIGHTS)}\n\n{told}")
    return 0
