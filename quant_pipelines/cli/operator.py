"""What the operators' verbs share: who signs, which stack is meant, how a receipt is shown."""

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.output import print_document
from quant_pipelines.cli.parse import deployment_number, limit_scope, scope
from quant_pipelines.operations.verb import Field, Kind, Verb, carry_out
from quant_pipelines.operations.verbs import OPERATOR, REASON, SIGNATURE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.receipt import Receipt

_READERS: dict[Kind, Any] = {
    "number": int,
    "value": float,
    "text": str,
    "deployment": deployment_number,
    "scope": scope,
    "limit_scope": limit_scope,
}


def add_home(parser: argparse.ArgumentParser) -> None:
    """Declare which stack is meant."""
    parser.add_argument("--home", type=Path, help="folder that holds all state (default: QUANT_HOME)")


def add_signature(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare which stack is meant, who decides and why."""
    add_home(parser)
    parser.add_argument("--operator", default=getpass.getuser(), help=OPERATOR.argument.help)
    parser.add_argument("--reason", required=required, default="", help=REASON.argument.help)


def add_field(parser: argparse.ArgumentParser, field: Field) -> None:
    """Declare a field of a row."""
    asked = field.argument
    if asked.flag:
        parser.add_argument(
            asked.flag,
            dest=field.name,
            action="store_const",
            const=asked.value,
            default=field.default,
            help=asked.help,
        )
        return
    parser.add_argument(
        field.name,
        metavar=asked.metavar,
        type=_READERS[field.kind],
        nargs="?" if asked.is_optional else None,
        default=field.default if asked.is_optional else None,
        # Behind a placeholder the words are the function's to refuse, which names the nearest one.
        choices=field.choices.words() if field.choices and not asked.metavar else None,
        help=asked.help,
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
    if arguments.json:
        print_document(receipt.to_document())
    else:
        print(f"{receipt.summary} (audit row {receipt.audit_id})")
