"""``quant venue certify``: what has to hold at an exchange's demo account before real orders are sent."""

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING

from quant_pipelines.cli.api_keys import given_keys
from quant_pipelines.cli.operator import claimant_of, home_of, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.core.symbols import require_symbol

if TYPE_CHECKING:
    from quant_pipelines.core.settings import ExchangeSettings
    from quant_pipelines.trading.certificate import Proof


def run(arguments: argparse.Namespace) -> int:
    """Try, store the record and print it; exit code 1 when a step failed."""
    from quant_pipelines.core.clock import utc_now
    from quant_pipelines.core.secret_variables import MASTER_VARIABLES
    from quant_pipelines.exchange.version import venue_version
    from quant_pipelines.operations.certify import store_certificate
    from quant_pipelines.operations.key_store import KeyStore
    from quant_pipelines.operations.people import identify
    from quant_pipelines.store.certificates import DEMO, Certificate
    from quant_pipelines.trading.certificate import has_passed

    symbol = require_symbol(arguments.symbol)
    with opened(arguments, MASTER_VARIABLES) as (engine, settings):
        store = KeyStore(engine, home_of(arguments), os.environ)
        signature = identify(store, claimant_of(arguments, engine, "approver"))
        exchange = settings.exchange
        place, version = exchange.base_url or DEMO, venue_version()
        where = f"{exchange.id}'s demo venue" if place == DEMO else place
        print(f"quant: {symbol} is traded at {where}", file=sys.stderr)
        steps = asyncio.run(_certify(exchange, symbol))
        record = Certificate(exchange.id, place, version, tuple(steps), signature.operator, utc_now())
        receipt = store_certificate(engine, signature, record)
    rows = [step._asdict() for step in steps]
    document = receipt.to_document() | {"place": place, "version": version, "steps": rows}
    text = f"{table(rows, ('name', 'passed', 'evidence'))}\n{receipt.summary} (audit row {receipt.audit_id})"
    print_answer(arguments, document, text)
    return 0 if has_passed(steps) else 1


async def _certify(exchange: "ExchangeSettings", symbol: str) -> "list[Proof]":
    from quant_pipelines.exchange.ccxt_account import demo_account
    from quant_pipelines.operations.certify import certify

    key, secret = "", ""
    if exchange.base_url is None:  # never the stored keys: those are real
        is_given = bool(os.environ.get("QUANT_API_KEY") and os.environ.get("QUANT_API_SECRET"))
        keys = given_keys(from_environment=is_given)
        key, secret = keys.key, keys.secret
    async with demo_account(exchange, key, secret) as account:
        return await certify(account, symbol)
