"""``quant data check``: faults in what is stored, or in files without any database."""

import argparse
from pathlib import Path
from typing import Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table
from quant_pipelines.cli.parse import moment
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.series import Window


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "targets", metavar="SYMBOL|FILE", nargs="*", help="symbols (default: all), or one file of bars"
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
    add_home(parser)


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
    return 1 if any(row["severity"] == "block" for row in report["findings"]) else 0


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    files = [Path(target) for target in arguments.targets if target.endswith(".parquet")]
    if files:
        return _check_file(arguments, files)
    if arguments.against is not None:
        raise ConfigurationError(f"--against is {str(arguments.against)!r} without a file to compare with it")
    if arguments.archive is not None:
        return _check_archive(arguments)
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.coverage import check_stored

    with opened(arguments) as (engine, settings):
        return check_stored(engine, settings.exchange.id, arguments.targets, system_clock_ms)


def _check_file(arguments: argparse.Namespace, files: list[Path]) -> dict[str, Any]:
    from quant_pipelines.marketdata.checks import other_venue, same_venue
    from quant_pipelines.operations.file_check import check_file

    if len(files) != 1 or len(arguments.targets) != 1:
        raise ConfigurationError(f"targets are {' '.join(arguments.targets)}; expected symbols, or one file")
    bps = arguments.tolerance_bps
    agreement = same_venue() if bps is None else other_venue(bps / 1e4)
    report = check_file(files[0], against=arguments.against, agreement=agreement, window=_window(arguments))
    return {"bars": report.bars, "resolved": 0, "findings": report.findings}


def _check_archive(arguments: argparse.Namespace) -> dict[str, Any]:
    from quant_pipelines.operations.file_check import check_archive
    from quant_pipelines.settings import load_settings

    report = check_archive(
        arguments.archive, load_settings().exchange.id, arguments.targets, _window(arguments)
    )
    return {"bars": report.bars, "resolved": 0, "findings": report.findings}


def _window(arguments: argparse.Namespace) -> Window:
    from quant_pipelines.operations.file_check import ALL_TIME

    start_ms = ALL_TIME.start_ms if arguments.start is None else arguments.start
    return Window(start_ms, ALL_TIME.end_ms if arguments.end is None else arguments.end)
