"""``quant data factor``: a redenomination or split, for the store or beside an archive."""

import argparse
from typing import TYPE_CHECKING

from quant_pipelines.cli.statement import add_statement, left_unread, state_beside
from quant_pipelines.operations.data_verbs import FACTOR

if TYPE_CHECKING:
    from quant_pipelines.operations.statements import ScaleChange

__all__ = ["add_arguments", "left_unread", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_statement(parser, FACTOR)


def run(arguments: argparse.Namespace) -> int:
    """Record it; exit code 1 when it can't be."""
    from quant_pipelines.cli.operator import decide

    given = {field.name: getattr(arguments, field.name) for field in FACTOR.fields}
    if arguments.archive is None:
        return decide(FACTOR, arguments, **given)
    from quant_pipelines.core.symbols import require_symbol
    from quant_pipelines.operations.statements import scale_change
    from quant_pipelines.settings import load_settings

    require_symbol(arguments.symbol, load_settings().exchange.id)
    change = scale_change(arguments.change)
    return _take_back(arguments, change) if change.is_taken_back else _record(arguments, change)


def _record(arguments: argparse.Namespace, change: "ScaleChange") -> int:
    """Add it to the archive's file, where its time has none."""
    from quant_pipelines.archive.statements import FACTORS, price_factors
    from quant_pipelines.core.errors import DataError
    from quant_pipelines.core.timeframes import to_ms
    from quant_pipelines.settings import load_settings

    known = price_factors(arguments.archive, load_settings().exchange.id, arguments.symbol)
    if any(one.from_ms == to_ms(change.at) for one in known):
        raise DataError(
            f"{FACTORS} has {arguments.symbol} at {change.at:%Y-%m-%dT%H:%M}; expected another time"
        )
    row = {"from": f"{change.at:%Y-%m-%dT%H:%M}", "factor": f"{change.factor:.17g}"}
    return state_beside(arguments, FACTORS, row)


def _take_back(arguments: argparse.Namespace, change: "ScaleChange") -> int:
    """Take it out of the archive's file."""
    from quant_pipelines.archive.statements import FACTORS, price_factors, take_factor_back
    from quant_pipelines.cli.output import print_answer
    from quant_pipelines.core.timeframes import to_ms
    from quant_pipelines.settings import load_settings

    exchange = load_settings().exchange.id
    price_factors(arguments.archive, exchange, arguments.symbol)  # a malformed row is named
    take_factor_back(arguments.archive, exchange, arguments.symbol, to_ms(change.at))
    file = arguments.archive / FACTORS
    told = {"file": str(file), "exchange": exchange, "symbol": arguments.symbol, "from": change.at}
    print_answer(arguments, told, f"{file}: taken back")
    return 0
