"""``quant hot list``: the newest scan, whom the filters left out of it, and which coins leave."""

import argparse

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer, table

_COLUMNS = ("rank", "symbol", "score", "mood", "safe_leverage", "flags")


def run(arguments: argparse.Namespace) -> int:
    """Print it; exit code 1 where nothing was scanned yet."""
    from quant_pipelines.store.hot import newest_exclusions
    from quant_pipelines.store.market import read_hotlist
    from quant_pipelines.store.whitelist import leaving_coins

    with opened(arguments) as (engine, settings):
        scored = read_hotlist(engine, settings.exchange.id)
        excluded = [one._asdict() for one in newest_exclusions(engine, settings.exchange.id)]
        leaving = [one._asdict() for one in leaving_coins(engine, settings.exchange.id)]
    shown = [row | row["labels"] | {"flags": ", ".join(row["flags"])} for row in scored]
    parts = [table(shown, _COLUMNS)] if shown else []
    parts += [f"left out: {one['sentence']}" for one in excluded]
    parts += [f"leaving: {one['symbol']} since {one['since']:%Y-%m-%d %H:%M}" for one in leaving]
    print_answer(
        arguments,
        {"scores": scored, "excluded": excluded, "leaving": leaving},
        "\n".join(parts) or "nothing was scanned yet",
    )
    return 0 if parts else 1
