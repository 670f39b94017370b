"""``quant users``: who may decide; the seed of a user's codes is shown once, when it is made."""

import argparse
import os

from quant_pipelines.cli.operator import claimant_of, home_of, opened, print_receipt
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import UsageError


def run(arguments: argparse.Namespace) -> int:
    """List, add, reset or disable; every change is signed by an admin."""
    from quant_pipelines.core.secret_variables import MASTER_VARIABLES
    from quant_pipelines.operations import users
    from quant_pipelines.operations.key_store import KeyStore

    if arguments.action != "list" and not arguments.name:
        raise UsageError(f"{arguments.action} names nobody; expected the name of a user")
    with opened(arguments, MASTER_VARIABLES) as (engine, _):
        store = KeyStore(engine, home_of(arguments), os.environ)
        if arguments.action == "list":
            rows = users.list_users(store)
            print_answer(arguments, {"users": rows}, table(rows, ("name", "role", "state")))
            return 0
        claimant = claimant_of(arguments, engine, users.ADMIN)
        if arguments.action == "disable":
            print_receipt(arguments, users.shut_out(store, claimant, arguments.name))
            return 0
        if arguments.action == "reset":
            made = users.reset(store, claimant, arguments.name)
        else:
            made = users.enroll(store, claimant, arguments.name, arguments.role)
    shown = f"{made.receipt.summary}; an authenticator reads this, which is not shown again:\n{made.uri}"
    print_answer(arguments, made.receipt.to_document() | {"uri": made.uri}, shown)
    return 0
