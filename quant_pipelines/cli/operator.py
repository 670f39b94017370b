"""What the operators' verbs share: who signs, which stack is meant, how a receipt is shown."""

import argparse
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quant_pipelines.cli.output import print_document

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.receipt import Receipt, Signature

Verb = Callable[["Engine", "Settings", "Signature"], "Receipt"]


def add_home(parser: argparse.ArgumentParser) -> None:
    """Declare which stack is meant."""
    parser.add_argument("--home", type=Path, help="folder that holds all state (default: QUANT_HOME)")


def add_signature(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare who decides and why; both stand in the audit log."""
    add_home(parser)
    parser.add_argument("--operator", default=getpass.getuser(), help="your name (default: %(default)s)")
    parser.add_argument("--reason", required=required, default="", help="why, in a sentence")


def deployment_number(text: str) -> int:
    """Id of a deployment, written as ``3`` or ``deployment:3``."""
    number = text.removeprefix("deployment:")
    if not (number.isascii() and number.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a deployment; expected 3 or deployment:3")
    return int(number)


def scope(text: str) -> str:
    """Name of a scope: ``account``, or a deployment as ``3`` or ``deployment:3``."""
    return text if text == "account" else f"deployment:{deployment_number(text)}"


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[tuple["Engine", "Settings"]]:
    """Engine and settings of the stack that the arguments name."""
    from quant_pipelines.cli.history import open_database
    from quant_pipelines.settings import load_settings

    settings = load_settings()
    with open_database(arguments, settings) as engine:
        yield engine, settings


def carry_out(arguments: argparse.Namespace, verb: Verb) -> int:
    """Sign, do it, print the receipt."""
    from quant_pipelines.operations.receipt import Signature

    signature = Signature(arguments.operator, arguments.reason)
    with opened(arguments) as (engine, settings):
        receipt = verb(engine, settings, signature)
    if arguments.json:
        print_document(receipt.to_document())
    else:
        print(f"{receipt.summary} (audit row {receipt.audit_id})")
    return 0
