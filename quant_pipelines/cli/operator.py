"""What the operators' verbs share: who signs, which stack is meant, how a receipt is shown."""

import argparse
import getpass
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.output import print_answer
from quant_pipelines.cli.parse import UsageError, deployment_number, limit_scope, reference, scope, within
from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.operations.verb import REQUIRED, Asker, Field, Kind, Verb, carry_out
from quant_pipelines.operations.verbs import SIGNATURE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.people import Claimant
    from quant_pipelines.operations.receipt import Receipt
    from quant_pipelines.store.tables.ops import Role

_READERS: dict[Kind, Any] = {
    "number": within(ROW_ID, "id"),
    "value": float,
    "deployment": deployment_number,
    "scope": scope,
    "limit_scope": limit_scope,
    "path": Path,
    "reference": reference,
    "exchange": require_exchange,
    "symbols": require_symbol,
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


def add_asker(parser: argparse.ArgumentParser, asker: Asker) -> None:
    """Declare which stack is meant, who decides and why."""
    if asker != "nobody":
        add_home(parser)
    if asker in ("operator", "signature"):
        operator, reason, code = SIGNATURE
        parser.add_argument("--operator", default=getpass.getuser(), help=operator.usage)
        parser.add_argument("--reason", required=asker == "signature", default="", help=reason.usage)
        parser.add_argument("--code", default="", help=code.usage)


def add_field(parser: argparse.ArgumentParser, field: Field) -> None:
    """Declare a field of a row."""
    words = field.choices.words if field.choices and not field.metavar else None
    told: dict[str, Any] = {"help": field.usage or field.help or None}
    if field.default is not REQUIRED and (field.flag or field.is_optional):
        told["default"] = field.default
    if field.flag:
        told["dest"] = field.name
    if field.kind == "switch":
        told["action"] = "store_true"
    elif field.flag and words:
        told |= {"action": "store_const", "const": words[-1]}
    else:
        told |= {"metavar": field.metavar, "type": _READERS.get(field.kind, str), "choices": words}
    if field.is_optional or field.kind in ("symbols", "texts"):
        told["nargs"] = "?" if field.is_optional else "*"
    parser.add_argument(field.flag or field.name, **told)


def fields_left_unread(verb: Verb, arguments: argparse.Namespace) -> dict[str, str]:
    """Name what the row declares and the action that is asked for does not read, with the reason."""
    action = getattr(arguments, "action", "")
    idle = [field for field in verb.fields if field.of and action not in field.of]
    if action in verb.unsigned:
        idle += SIGNATURE
    return {field.name: f"{verb.name} {action} does not read it" for field in idle}


def require_reason(verb: Verb, arguments: argparse.Namespace) -> None:
    """Prove that an action that is signed was given a reason, where the verb has others that are not.

    Raises
    ------
    UsageError
        If it is missing.
    """
    action = getattr(arguments, "action", "")
    is_signed = verb.asker == "operator" and action not in (*verb.unsigned, *verb.gives_reason)
    if is_signed and not arguments.reason:
        raise UsageError(f"{verb.name} {action} names no reason; expected --reason: every decision is signed")


@contextmanager
def opened(
    arguments: argparse.Namespace, secrets: Collection[str] = ()
) -> Iterator[tuple["Engine", "Settings"]]:
    """Engine and settings of the stack that the arguments name; secrets that are named may be a Vault's."""
    from quant_pipelines.cli.history import open_database
    from quant_pipelines.settings import load_settings, settings_with_secrets

    settings = settings_with_secrets(secrets) if secrets else load_settings()
    with open_database(arguments, settings) as engine:
        yield engine, settings


def decide(verb: Verb, arguments: argparse.Namespace, *, secrets: Collection[str] = (), **given: Any) -> int:
    """Sign, do it, print the receipt.

    Parameters
    ----------
    verb
        What is decided.
    arguments
        As they were given, with name and reason.
    secrets
        Variables of those that are needed beside the master keys.
    given
        Values of the verb's fields.
    """
    from quant_pipelines.core.secret_variables import MASTER_VARIABLES
    from quant_pipelines.operations.key_store import KeyStore

    with opened(arguments, {*MASTER_VARIABLES, *secrets}) as (engine, settings):
        signed = {field.name: getattr(arguments, field.name) for field in SIGNATURE}
        signed["code"] = given_code(arguments, engine)
        store = KeyStore(engine, home_of(arguments), os.environ)
        receipt = carry_out(verb, signed | given, store=store, settings=settings)
    print_receipt(arguments, receipt)
    return 0


def given_code(arguments: argparse.Namespace, engine: "Engine") -> str:
    """One-time code as it was given, else as it is typed: where there are users, and somebody can type."""
    from quant_pipelines.store.engine import transaction
    from quant_pipelines.store.users import has_users

    if arguments.code or not sys.stdin.isatty():
        return str(arguments.code)
    with transaction(engine) as connection:
        is_asked = has_users(connection)
    return getpass.getpass(f"code of {arguments.operator}: ") if is_asked else ""


def claimant_of(arguments: argparse.Namespace, engine: "Engine", role: "Role") -> "Claimant":
    """Say who decides, by the arguments, for a verb that has no function of its own."""
    from quant_pipelines.operations.people import Claimant

    return Claimant(arguments.operator, arguments.reason, given_code(arguments, engine), role)


def print_receipt(arguments: argparse.Namespace, receipt: "Receipt") -> None:
    """Print what was done."""
    print_answer(arguments, receipt.to_document(), f"{receipt.summary} (audit row {receipt.audit_id})")
