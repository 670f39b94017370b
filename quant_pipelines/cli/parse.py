"""Argument types that several commands share; a value that can't be read is a usage error."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quant_pipelines.core.bounds import ROW_ID, Bounds
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import TIMEFRAMES, to_ms

TIMEFRAME = "1h"
"""Where none is given."""


class Parser(argparse.ArgumentParser):
    """Parser that says of a text which is no number what was expected instead."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.register("type", float, number)
        self.register("type", int, whole_number)


def number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; expected one such as 0.5") from None


def whole_number(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; expected one such as 3") from None


def add_verb(heads: Any, name: str, text: str, *, json_default: Any = False) -> argparse.ArgumentParser:
    """Declare a verb, or an action of one, with its help; each answers in JSON where it is asked to.

    The flag may stand before or after an action, whose default is ``SUPPRESS``: the value from before stays.
    """
    child: argparse.ArgumentParser = heads.add_parser(name, help=text, description=f"{text.capitalize()}.")
    child.add_argument(
        "--json", action="store_true", default=json_default, help="print one JSON document on stdout"
    )
    return child


def moment(text: str) -> int:
    """Milliseconds UTC of a date or an ISO 8601 time; without a zone it is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; expected 2024-01-31 or 2024-01-31T12:00"
        ) from None
    return to_ms(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def symbol_or_all(text: str) -> str:
    """Symbol that can be traded; empty stands for all."""
    return text and require_symbol(text)


def contract_size(text: str) -> float:
    """Read base units of one contract; 0 is refused here, as it stands for what is not given."""
    size = number(text)
    if size == 0.0:
        raise argparse.ArgumentTypeError(f"contract size is {text}; expected base units above 0")
    return size


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


def reference(text: str) -> tuple[str, int | None]:
    """Id of an order or a trade, or a symbol and the time of ``SYMBOL@TIME``."""
    name, at, time = text.partition("@")
    return (name, moment(time)) if at else (text, None)


def deployment_number(text: str) -> int:
    """Id of a deployment, written as ``3`` or ``deployment:3``."""
    number = text.removeprefix("deployment:")
    # The first 20 digits tell whether it is too large; Python reads no more than 4,300.
    if not (number.isascii() and number.isdigit()) or ROW_ID.fault("id", int(number[:20])):
        raise argparse.ArgumentTypeError(f"{text!r} is not a deployment; expected 3 or deployment:3")
    return int(number)


def within(bounds: Bounds, name: str) -> Callable[[str], int]:
    """Reader of a whole number within bounds; the name stands in the refusal."""

    def read(text: str) -> int:
        value = whole_number(text)
        fault = bounds.fault(name, value)
        if fault:
            raise argparse.ArgumentTypeError(fault)
        return value

    return read


def scope(text: str) -> str:
    """Name of a scope: ``account``, one as ``account:1``, or a deployment as ``3`` or ``deployment:3``."""
    kind, _, number = text.partition(":")
    is_account = kind == "account" and (number.isdecimal() or text == kind)
    return text if is_account else f"deployment:{deployment_number(text)}"


def limit_scope(text: str) -> str:
    """Name of a scope of limits: ``strategy:<name>``, or what every scope may be."""
    return text if text.startswith("strategy:") else scope(text)


def add_market_arguments(
    parser: argparse.ArgumentParser, *, strategies: str | None = None, symbols: str = "+"
) -> None:
    """Declare strategy, symbols (how many, in argparse's terms), timeframe and where the bars come from."""
    help_text = "name, or path of a strategy file"
    parser.add_argument("strategy", metavar="STRATEGY", nargs=strategies, help=help_text)
    parser.add_argument(
        "symbols", metavar="SYMBOL", type=require_symbol, nargs=symbols, help="such as BTC/USDT:USDT"
    )
    parser.add_argument(
        "--timeframe", default=TIMEFRAME, choices=tuple(TIMEFRAMES), help=f"(default: {TIMEFRAME})"
    )
    parser.add_argument("--start", type=moment, metavar="T", help="first time, UTC (default: all there is)")
    parser.add_argument("--end", type=moment, metavar="T", help="end, UTC, exclusive (default: all there is)")
    parser.add_argument("--archive", type=Path, metavar="DIR", help="Parquet folder; no database is needed")
    parser.add_argument("--home", type=Path, help="stack whose stored bars are read without --archive")
    parser.add_argument("--report", type=Path, metavar="F.html", help="write a report")
