"""``quant keys``: API keys of accounts, sealed in the database; no secret is an argument, or printed."""

import argparse
import os
from typing import TYPE_CHECKING

from quant_pipelines.cli.api_keys import given_keys
from quant_pipelines.cli.operator import claimant_of, home_of, opened, print_receipt
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.secret_variables import MASTER_VARIABLES

if TYPE_CHECKING:
    from quant_pipelines.operations.key_store import KeyStore
    from quant_pipelines.operations.receipt import Receipt


def run(arguments: argparse.Namespace) -> int:
    """Add, list, remove or rotate; every change is signed."""
    from quant_pipelines.operations.key_store import KeyStore

    with opened(arguments, MASTER_VARIABLES) as (engine, settings):
        store = KeyStore(engine, home_of(arguments), os.environ)
        if arguments.action == "list":
            return _list(arguments, store)
        receipt = _change(arguments, store, arguments.account or settings.exchange.id)
    print_receipt(arguments, receipt)
    return 0


def _list(arguments: argparse.Namespace, store: "KeyStore") -> int:
    from quant_pipelines.operations.keys import list_keys

    rows = list_keys(store)
    print_answer(
        arguments, {"keys": rows}, table(rows, ("account", "venue", "fingerprint", "changed_at", "opens"))
    )
    return 0


def _change(arguments: argparse.Namespace, store: "KeyStore", account: str) -> "Receipt":
    from quant_pipelines.operations import keys
    from quant_pipelines.operations.people import identify

    signature = identify(store, claimant_of(arguments, store.engine, "admin"))
    if arguments.action == "rotate":
        return keys.rotate_master_key(store, signature)
    if arguments.action == "remove":
        return keys.remove_keys(store, signature, account)
    require_exchange(account)
    given = given_keys(from_environment=arguments.from_environment)
    return keys.add_keys(store, signature, account, given, replace=arguments.replace)
