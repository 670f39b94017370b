"""``quant pnl``: where the profit of deployments and accounts comes from, beside holding."""

import argparse
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import csv_text, print_answer, table, write_text
from quant_pipelines.cli.parse import day, scope
from quant_pipelines.core.errors import ConfigurationError

_TERMS = ("beta", "timing", "slippage", "fees", "funding", "insurance", "rest", "change")
_COLUMNS = ("scope", "strategy", "symbol", "days", *_TERMS, "held_average", "held_whole")
_DAYS = ("day", *_TERMS, "held_whole")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    about = "3 or deployment:3, or account:1 (default: every account)"
    parser.add_argument("scope", metavar="SCOPE", nargs="?", type=scope, default="account", help=about)
    parser.add_argument("--from", dest="first", metavar="D", type=day, help="first UTC day (default: all)")
    parser.add_argument("--to", dest="last", metavar="D", type=day, help="last UTC day (default: today)")
    parser.add_argument(
        "--csv", type=Path, metavar="F.csv", help="write every day to a file, to the last digit"
    )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the terms; 1 where something does not sum."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.pnl import DAY_COLUMNS, DaySpan, day_rows, pnl_report, shown_total

    with opened(arguments) as (engine, _):
        span = DaySpan(arguments.first, arguments.last)
        report = pnl_report(engine, system_clock_ms, scope=arguments.scope, span=span)
    if arguments.csv is not None:
        _require_one_kind(line.names["venue"] for line in report.lines)
        write_text(arguments.csv, csv_text(day_rows(report.lines), DAY_COLUMNS))
    shown = [shown_total(line) for line in report.lines]
    document = {
        "from": report.span.first,
        "to": report.span.last,
        "is_fine": report.is_fine,
        "lines": [
            one | {"faults": line.faults, "notes": line.notes, "by_day": day_rows([line])}
            for one, line in zip(shown, report.lines, strict=True)
        ],
    }
    head = f"{report.span.first} to {report.span.last}, in the currency of each account"
    lines = [head, table(shown, _COLUMNS)]
    if arguments.scope.startswith("deployment"):
        lines.append(table(_days(day_rows(report.lines)), _DAYS))
    lines += [f"  {line.scope}: {told}" for line in report.lines for told in (*line.faults, *line.notes)]
    print_answer(arguments, document, "\n".join(lines))
    return 0 if report.is_fine else 1


def _days(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the days with amounts as a person reads them."""
    return [
        {name: row[name] if isinstance(row[name], date) else float(row[name]) for name in _DAYS}
        for row in rows
    ]


def _require_one_kind(venues: Iterable[str]) -> None:
    """Refuse to write money on paper and money at a venue into one file."""
    found = sorted(set(venues))
    if len(found) > 1 and "paper" in found:
        raise ConfigurationError(
            f"--csv would write accounts at {', '.join(found)} into one file; expected one of them, such as "
            "account:1"
        )
