"""Argument types that several commands share; a value that can't be read is a usage error."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from quant_pipelines.core.timeframes import TIMEFRAMES, to_ms


def moment(text: str) -> int:
    """Milliseconds UTC of a date or an ISO 8601 time; without a zone it is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; expected 2024-01-31 or 2024-01-31T12:00"
        ) from None
    return to_ms(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def assignment(text: str) -> tuple[str, str]:
    """Name and value of ``name=value``."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not an assignment; expected name=value")
    return name.strip(), value.strip()


def strategy_with_values(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Strategy and its values of ``name:fast=10,slow=40``; the declared defaults stand for the others."""
    name, _, values = text.partition(":")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} names no strategy; expected name or name:parameter=value")
    return name, [assignment(part) for part in values.split(",") if part.strip()]


def add_market_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare strategy, symbols, timeframe and where the bars come from."""
    parser.add_argument("strategy", metavar="STRATEGY", help="name, or path of a strategy file")
    parser.add_argument("symbols", metavar="SYMBOL", nargs="+", help="such as BTC/USDT:USDT")
    parser.add_argument("--timeframe", default="1h", choices=tuple(TIMEFRAMES), help="(default: %(default)s)")
    parser.add_argument("--start", type=moment, metavar="T", help="first time, UTC (default: all there is)")
    parser.add_argument("--end", type=moment, metavar="T", help="end, UTC, exclusive (default: all there is)")
    parser.add_argument("--archive", type=Path, metavar="DIR", help="Parquet folder; no database is needed")
    parser.add_argument("--home", type=Path, help="stack whose stored bars are read without --archive")
    parser.add_argument("--report", type=Path, metavar="F.html", help="write a report")
