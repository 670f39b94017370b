"""``quant data costs``: what own fills say that trading costs, as values for the settings."""

import argparse
import math
from typing import Any

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_document, table

_COLUMNS = ("venue", "symbol", "orders", "unusable", "slippage_bps", "impact_bps")


def run(arguments: argparse.Namespace) -> int:
    """Print the estimates of each venue and symbol."""
    from dataclasses import asdict

    from quant_pipelines.operations.costs import own_costs

    with opened(arguments) as (engine, settings):
        rows, declared = own_costs(engine, arguments.symbols), asdict(settings.costs)
    if arguments.json:
        print_document({"costs": rows, "declared": declared})
        return 0
    print(table([_shown(row) for row in rows], _COLUMNS))
    for row in rows:
        if "needed" in row:
            usable = row["orders"] - row["unusable"]
            print(
                f"{row['venue']} {row['symbol']}: {usable} usable orders; an estimate needs {row['needed']}"
            )
        else:
            values = ", ".join(f"{name} = {value}" for name, value in row["settings"].items())
            print(f"{row['venue']} {row['symbol']}: [costs] {values}")
    return 0


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    estimates: dict[str, Any] = {
        name: _measured(row.get(name), row.get(name.replace("_bps", "_error_bps")))
        for name in ("slippage_bps", "impact_bps")
    }
    return {**dict.fromkeys(_COLUMNS, "-"), **row, **estimates}


def _measured(value: float | None, error: float | None) -> str:
    """Value with its standard error, as far as they are known."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.2f} ± {error:.2f}" if error is not None and math.isfinite(error) else f"{value:.2f}"
