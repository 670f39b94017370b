"""``quant kill --direct``: close an account while everything else here may be dead."""

import argparse
import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.api_keys import given_keys
from quant_pipelines.cli.operator import home_of
from quant_pipelines.cli.output import print_answer
from quant_pipelines.cli.parse import UsageError
from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.exchanges import require_exchange

if TYPE_CHECKING:
    from quant_pipelines.core.settings import ExchangeSettings, Settings
    from quant_pipelines.operations.kill import Killed, Readings
    from quant_pipelines.operations.kill_journal import KillJournal
    from quant_pipelines.operations.receipt import Signature
    from quant_pipelines.secrets import ApiKeys

_NOT_KNOWN = 3
"""Exit code where the venue did not say what is left: whoever scripts it must look there."""
_SECONDS = Bounds(1, 86_400)


def left_unread(arguments: argparse.Namespace) -> dict[str, str]:
    """Name what a kill can't read: codes are proven by the database, which may be away."""
    return (
        {"code": "a direct kill asks no database, and the keys are proof enough"} if arguments.direct else {}
    )


def run(arguments: argparse.Namespace) -> int:
    """Kill, and say what was done; exit code 1 while something is left, 3 while nobody knows what."""
    from quant_pipelines.operations.kill import Readings
    from quant_pipelines.operations.kill_journal import new_journal
    from quant_pipelines.operations.receipt import Signature

    if not arguments.direct:
        raise UsageError(
            "quant kill was given without --direct; expected that, or while the runner lives "
            "'quant runner flatten'"
        )
    if fault := _SECONDS.fault("for", arguments.seconds):
        raise ConfigurationError(fault)
    home, signature = home_of(arguments), Signature(arguments.operator, arguments.reason)
    exchange = venue_of(home, _settings().exchange, arguments.account)
    journal = new_journal(home)
    try:
        readings = Readings(seconds=arguments.seconds)
        killed = asyncio.run(_kill(exchange, _keys(home, exchange), journal, signature, readings))
    finally:
        journal.close()
    place = exchange.base_url or exchange.id
    journal_told = journal.fault or f"journal {journal.file}"
    print_answer(arguments, _document(killed, place, journal), f"{place}: {killed.sentence} ({journal_told})")
    if killed.is_done:
        return 0
    return 1 if killed.is_known else _NOT_KNOWN


def _settings() -> "Settings":
    """Read the settings and a Vault's secrets; one that is away keeps nobody from a kill: keys are typed."""
    from quant_pipelines.core.errors import QuantError
    from quant_pipelines.core.secret_variables import SECRET_VARIABLES
    from quant_pipelines.settings import load_settings, settings_with_secrets

    try:
        return settings_with_secrets(SECRET_VARIABLES)
    except QuantError as error:
        print(f"quant: {error}; going on without it", file=sys.stderr, flush=True)
        return load_settings()


def venue_of(home: Path, settings: "ExchangeSettings", account: str | None) -> "ExchangeSettings":
    """Exchange that is meant: where the home's stack trades, which may be a simulated venue.

    Raises
    ------
    ConfigurationError
        If the account is at another exchange than the settings name.
    """
    from quant_pipelines.stack.home import Home

    if account is not None and require_exchange(account) != settings.id:
        raise ConfigurationError(f"account is {account!r}; expected {settings.id!r}, which is exchange.id")
    last: str = (Home(home).read_services() or {}).get("venue") or ""
    is_simulated = settings.base_url is None and last.startswith("http")
    return replace(settings, base_url=last) if is_simulated else settings


def _keys(home: Path, exchange: "ExchangeSettings") -> "ApiKeys | None":
    """Keys of the environment, of the home's copy, or those that are typed; None at a simulated venue."""
    from quant_pipelines.operations.keys import copied_keys

    if exchange.base_url is not None:
        return None
    is_given = bool(os.environ.get("QUANT_API_KEY") and os.environ.get("QUANT_API_SECRET"))
    found = None if is_given else copied_keys(home, os.environ, exchange.id)
    return found or given_keys(from_environment=is_given)


async def _kill(
    exchange: "ExchangeSettings",
    keys: "ApiKeys | None",
    journal: "KillJournal",
    signature: "Signature",
    readings: "Readings",
) -> "Killed":
    from quant_pipelines.exchange.ccxt_account import CcxtAccount
    from quant_pipelines.operations.kill import kill

    key, secret = (keys.key, keys.secret) if keys else ("", "")
    async with CcxtAccount(exchange, key, secret) as account:
        return await kill(account, journal, signature, readings=readings, tell=_tell)


def _tell(sentence: str) -> None:
    print(f"quant: {sentence}; tried again", file=sys.stderr, flush=True)


def _document(killed: "Killed", place: str, journal: "KillJournal") -> dict[str, Any]:
    return {
        "venue": place,
        "done": killed.is_done,
        "sentence": killed.sentence,
        "canceled": killed.canceled,
        "sent": killed.sent,
        "left": None
        if killed.holdings is None
        else [{"symbol": one.symbol, "quantity": str(one.quantity)} for one in killed.holdings],
        "working": None
        if killed.working is None
        else [{"symbol": one.symbol, "name": one.name} for one in killed.working],
        "faults": killed.faults,
        "unknown": killed.unknown,
        "journal": str(journal.file),
        "journal_fault": journal.fault,
    }
