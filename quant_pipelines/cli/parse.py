"""Argument types that several commands share; a value that can't be read is a usage error."""

import argparse
import difflib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from quant_pipelines.core.bounds import ROW_ID, Bounds
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.search_settings import ParameterRange, written_range
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import TIMEFRAMES, to_ms

TIMEFRAME = "1h"
"""Where none is given."""
_STUDY = "study:"
_NEAR = 0.6
"""How alike (0 to 1) a word must be to one that is known, to be taken for it."""


class UsageError(ConfigurationError):
    """Something that a command needs was not given; it ends as what can't be read does."""


class Parser(argparse.ArgumentParser):
    """Parser that says of a text which is no number what was expected instead."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.register("type", float, number)
        self.register("type", int, whole_number)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is none of an argument's, with the nearest one that is."""
        meant = _nearest(str(value), action.choices or ())
        if meant and meant != value:
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}; did you mean {meant!r}?")
        super()._check_value(action, value)


def _nearest(word: str, known: Iterable[str]) -> str:
    """Known word that was probably meant; empty where none is near."""
    found = difflib.get_close_matches(word.lower(), [*map(str, known)], n=1, cutoff=_NEAR)
    return found[0] if found else ""


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


def day(text: str, name: str = "DAY") -> date:
    """UTC day of a date; the name stands in the refusal."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{name} is {text!r}; expected a day such as 2026-01-31") from None


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


def parameter_range(text: str) -> ParameterRange:
    """Part of a parameter's range that is searched, as ``--space`` gives it."""
    try:
        return written_range(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
    return _scope(text, ("account", "deployment"), "account, account:1, 3 or deployment:3")


def limit_scope(text: str) -> str:
    """Name of a scope of limits: ``strategy:<name>``, or what every scope may be."""
    if text.startswith("strategy:") and text != "strategy:":
        return text
    return _scope(
        text, ("account", "deployment", "strategy"), "account, 3, deployment:3 or strategy:ema_cross"
    )


def _scope(text: str, kinds: tuple[str, ...], expected: str) -> str:
    kind, colon, name = text.partition(":")
    if kind == "account" and (name.isdecimal() or text == kind):
        return text
    if kind == "deployment" or not kind.isalpha():
        return f"deployment:{deployment_number(text)}"
    meant = _nearest(kind, kinds)
    is_slip = meant not in ("", kind)
    mend = f"did you mean {meant + colon + name!r}?" if is_slip else f"expected {expected}"
    raise argparse.ArgumentTypeError(f"{text!r} is no scope; {mend}")


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


class StudyId(int):
    """Id of a combinatorial study, told from that of a walk-forward by its prefix."""

    def __str__(self) -> str:
        return f"{_STUDY}{int(self)}"


def walk_or_study(text: str) -> int:
    """Id of a walk-forward or verdict, or ``study:ID``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither.
    """
    number = within(ROW_ID, "id")
    if text.startswith(_STUDY):
        return StudyId(number(text.removeprefix(_STUDY)))
    return int(number(text))
