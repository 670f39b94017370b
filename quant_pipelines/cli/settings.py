"""``quant settings show``: every setting in force, with where its value lies and what it means."""

import argparse
from typing import Any

from quant_pipelines.cli.output import print_document, table

_WIDEST_OF_MANY = 32


def run(arguments: argparse.Namespace) -> int:
    """Print the settings; a password in a URL is not shown."""
    from quant_pipelines.settings import describe_settings, load_settings

    rows = describe_settings(load_settings())
    columns = ("name", "value", "default", "range", "meaning") if arguments.describe else ("name", "value")
    shown = [{name: row[name] for name in columns} for row in rows]
    if arguments.json:
        print_document(
            {"settings": shown if arguments.describe else {row["name"]: row["value"] for row in shown}}
        )
    else:
        widest = _WIDEST_OF_MANY if arguments.describe else None
        print(table([_readable(row, widest) for row in shown], columns))
    return 0


def _readable(row: dict[str, Any], widest: int | None) -> dict[str, Any]:
    """Row as text; of several columns each leaves the others room, only the meaning is told whole."""
    readable: dict[str, Any] = {}
    for name, value in row.items():
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        is_long = widest and name != "meaning" and len(str(text)) > widest
        readable[name] = f"{str(text)[: widest - 3]}..." if widest and is_long else text
    return readable
