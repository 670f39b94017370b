"""What the operators' verbs share: who signs, which stack is meant, how a receipt is shown."""

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.output import print_answer
from quant_pipelines.cli.parse import deployment_number, limit_scope, scope
from quant_pipelines.operations.verb import Field, Kind, Verb, carry_out
from quant_pipelines.operations.verbs import SIGNATURE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.receipt import Receipt

_READERS: dict[Kind, Any] = {
    "number": int,
    "value": float,
    "deployment": deployment_number,
    "scope": scope,
    "limit_scope": limit_scope,
}


def add_home(parser: argparse.ArgumentParser) -> None:
    """Declare which stack is meant."""
    parser.add_argument("--home", type=Path, help="folder that holds all state (default: QUANT_HOME)")


def home_of(arguments: argparse.Namespace) -> Path:
    """Folder of the stack that the arguments name."""
    from quant_pipelines.settings import home_folder

    given: Path | None = arguments.home
    return given.expanduser().absolute() if given else home_folder()


def strategies_of(arguments: argparse.Namespace, settings: "Settings") -> Path:
    """Strategies folder of the stack that is meant: a verb reads what its processes read."""
    from quant_pipelines.core.strategies_place import strategies_folder
    from quant_pipelines.stack.home import Home, strategies_in_force

    return strategies_folder(strategies_in_force(Home(home_of(arguments)), settings.strategies_folder))


def add_signature(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare which stack is meant, who decides and why."""
    add_home(parser)
    operator, reason = SIGNATURE
    parser.add_argument("--operator", default=getpass.getuser(), help=operator.usage)
    parser.add_argument("--reason", required=required, default="", help=reason.usage)


def add_field(parser: argparse.ArgumentParser, field: Field) -> None:
    """Declare a field of a row."""
    words = field.choices.words if field.choices and not field.metavar else None
    if field.flag and words:
        option: dict[str, Any] = {"action": "store_const", "const": words[-1], "default": field.default}
        parser.add_argument(field.flag, dest=field.name, help=field.usage, **option)
        return
    way: dict[str, Any] = {"nargs": "?", "default": field.default} if field.is_optional else {}
    reader = _READERS.get(field.kind, str)
    parser.add_argument(
        field.name, metavar=field.metavar, type=reader, choices=words, help=field.usage, **way
    )


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[tuple["Engine", "Settings"]]:
    """Engine and settings of the stack that the arguments name."""
    from quant_pipelines.cli.history import open_database
    from quant_pipelines.settings import load_settings

    settings = load_settings()
    with open_database(arguments, settings) as engine:
        yield engine, settings


def decide(verb: Verb, arguments: argparse.Namespace, **given: Any) -> int:
    """Sign, do it, print the receipt.

    Parameters
    ----------
    verb
        What is decided.
    arguments
        As they were given, with name and reason.
    given
        Values of the verb's fields.
    """
    from quant_pipelines.core.clock import system_clock_ms

    signed = {field.name: getattr(arguments, field.name) for field in SIGNATURE}
    with opened(arguments) as (engine, settings):
        receipt = carry_out(verb, signed | given, engine=engine, settings=settings, clock=system_clock_ms)
    print_receipt(arguments, receipt)
    return 0


def print_receipt(arguments: argparse.Namespace, receipt: "Receipt") -> None:
    """Print what was done."""
    print_answer(arguments, receipt.to_document(), f"{receipt.summary} (audit row {receipt.audit_id})")
