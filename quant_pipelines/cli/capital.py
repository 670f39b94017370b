"""``quant capital``: what the newest look says of each record, and about how many more days it needs."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer, table

_COLUMNS = (
    "strategy",
    "timeframe",
    "symbol",
    "decision",
    "decided_by",
    "pool_passed",
    "days",
    "statistic",
    "critical",
)


def run(arguments: argparse.Namespace) -> int:
    """Show the newest look; with ``--look`` take the one that is due before."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.freshness import freshness
    from quant_pipelines.research.capital import take_due_look
    from quant_pipelines.store.capital import counted_look, newest_look
    from quant_pipelines.store.engine import transaction

    told = ""
    with opened(arguments) as (engine, settings):
        if arguments.look:
            told = take_due_look(engine, settings.exchange.id, system_clock_ms).told
        with transaction(engine) as connection:
            look = newest_look(connection, settings.exchange.id)
    if look is not None:
        look = counted_look(look, freshness(settings.ladder, system_clock_ms))
    document = {"told": told or None, "look": look}
    print_answer(arguments, document, "\n".join([*([told] if told else []), _text(look)]))
    return 0


def _text(look: dict[str, Any] | None) -> str:
    if look is None:
        return "no look was taken yet; the first one comes when a record is long enough"
    rows = [row | {"days": _more_days(row)} for row in look["records"]]
    family = f"{look['family_size']} records in {look['pools']} pools"
    error = f"any edge at all: p {look['spa_p']:.3g}, error spent {look['alpha_spent']:.3g}"
    return f"look of {look['look_day']}: {family}, {error}\n{table(rows, _COLUMNS)}"


def _more_days(row: dict[str, Any]) -> str | None:
    """About how many more days, with their range; where only the fewest are known, these."""
    if row["decision"] == "passed":
        return None
    if row["more_days"] is None:
        fewest = row["fewest_more_days"]
        return None if fewest is None else f"at least {fewest}"
    most = row["most_more_days"]
    return f"about {row['more_days']} ({row['fewest_more_days']} to {most if most is not None else '?'})"
