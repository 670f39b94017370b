"""``quant data check``: faults in what is stored, or in files without any database."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table
from quant_pipelines.cli.parse import moment
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.series import Window
from quant_pipelines.core.symbols import require_symbol

if TYPE_CHECKING:
    from quant_pipelines.operations.file_check import FileReport

_NAMED = 5
_TOLERANCE = Bounds(0, 10_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "targets",
        metavar="SYMBOL|FILE",
        type=_target,
        nargs="*",
        help="symbols (default: all), or one file of bars",
    )
    parser.add_argument("--archive", type=Path, metavar="DIR", help="Parquet folder; no database is needed")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare the file with this one")
    parser.add_argument(
        "--tolerance-bps",
        type=float,
        metavar="BPS",
        help="compare closes only, of two venues, up to this difference (default: everything, exactly)",
    )
    parser.add_argument("--from", dest="start", type=moment, metavar="T", help="first time, UTC, in files")
    parser.add_argument("--to", dest="end", type=moment, metavar="T", help="end, UTC, exclusive, in files")
    parser.add_argument("--exchange", type=require_exchange, help="ccxt id (default: exchange.id)")
    add_home(parser)


def left_unread(arguments: argparse.Namespace) -> dict[str, str]:
    """Name what only other kinds of a check read."""
    unread = {} if arguments.against else {"tolerance_bps": "there is no file to compare with (--against)"}
    if any(target.endswith(".parquet") for target in arguments.targets):
        return unread | dict.fromkeys(("archive", "exchange", "home"), "one file is checked")
    unread |= {"against": "there is no file to compare with it"}
    if arguments.archive is not None:
        return unread | {"home": "an archive is checked, not a store"}
    return unread | dict.fromkeys(("start", "end"), "what is stored is checked whole (it is for files)")


def _target(text: str) -> str:
    return text if text.endswith(".parquet") else require_symbol(text)


def run(arguments: argparse.Namespace) -> int:
    """Check; exit code 1 when a finding blocks."""
    with waiting("check", arguments):
        report = _report(arguments)
    if arguments.json:
        print_document(report)
    else:
        print(f"{report['bars']:,} bars checked, {report['resolved']} findings resolved")
        rows = [row | {"at": ", ".join(row["detail"].get("at", []))} for row in report["findings"]]
        print(table(rows, ("symbol", "timeframe", "day", "check_name", "severity", "count", "at")))
        for check, why in dict.fromkeys(
            (row["check_name"], row["detail"]["why"]) for row in rows if "why" in row["detail"]
        ):
            print(f"  {check}: {why}")
        if "unused" in report:
            print(unused_text(report["unused"]))
    return 1 if any(row["severity"] == "block" for row in report["findings"]) else 0


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    files = [Path(target) for target in arguments.targets if target.endswith(".parquet")]
    if files:
        return _check_file(arguments, files)
    if arguments.archive is not None:
        return _check_archive(arguments)
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.coverage import check_stored

    with opened(arguments) as (engine, settings):
        return check_stored(
            engine, arguments.exchange or settings.exchange.id, arguments.targets, system_clock_ms
        )


def _check_file(arguments: argparse.Namespace, files: list[Path]) -> dict[str, Any]:
    from quant_pipelines.marketdata.checks import other_venue, same_venue
    from quant_pipelines.operations.file_check import check_file

    if len(files) != 1 or len(arguments.targets) != 1:
        raise ConfigurationError(f"targets are {' '.join(arguments.targets)}; expected symbols, or one file")
    bps = arguments.tolerance_bps
    fault = "" if bps is None else _TOLERANCE.fault("tolerance_bps", bps)
    if fault:
        raise ConfigurationError(fault)
    agreement = same_venue() if bps is None else other_venue(bps / 1e4)
    report = check_file(files[0], against=arguments.against, agreement=agreement, window=_window(arguments))
    return _document(report)


def _check_archive(arguments: argparse.Namespace) -> dict[str, Any]:
    from quant_pipelines.operations.file_check import check_archive
    from quant_pipelines.settings import load_settings

    report = check_archive(
        arguments.archive,
        arguments.exchange or load_settings().exchange.id,
        arguments.targets,
        _window(arguments),
    )
    return _document(report)


def _document(report: "FileReport") -> dict[str, Any]:
    unused = [one.to_document() for one in report.unused]
    checked = {"bars": report.bars, "resolved": 0, "findings": report.findings}
    return checked | ({"unused": unused} if unused else {})


def unused_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Files of an archive that are not used, counted by reason with the first few names."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        by_reason.setdefault(row["reason"], []).append(Path(row["file"]).name)
    lines = [f"{len(rows)} files are not used:"]
    for reason, names in sorted(by_reason.items()):
        more = ", ..." if len(names) > _NAMED else ""
        lines.append(f"  {len(names)} x {reason}: {', '.join(names[:_NAMED])}{more}")
    return "\n".join(lines)


def _window(arguments: argparse.Namespace) -> Window:
    from quant_pipelines.operations.file_check import ALL_TIME

    start_ms = ALL_TIME.start_ms if arguments.start is None else arguments.start
    return Window(start_ms, ALL_TIME.end_ms if arguments.end is None else arguments.end)
