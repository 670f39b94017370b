"""Sealed API keys in the rows of their accounts; what is in them is nobody's business here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update

from quant_pipelines.store.tables import accounts

_LOCK = 0x4B455953


@dataclass(frozen=True, slots=True)
class SealedKeys:
    """Keys of one account.

    Parameters
    ----------
    account, venue
        Name of the account, and the ccxt id of its exchange.
    sealed
        Ciphertext.
    fingerprint
        Tells keys apart.
    changed_at
        When they were stored, or sealed again.
    """

    account: str
    venue: str
    sealed: bytes
    fingerprint: str
    changed_at: datetime


def lock_keys(connection: Connection) -> None:
    """Let no other writer of keys or master keys go on until this transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def read_sealed(connection: Connection) -> list[SealedKeys]:
    """Keys of all accounts that have some, by name."""
    query = select(accounts).where(accounts.c.sealed_keys.is_not(None)).order_by(accounts.c.name)
    return [
        SealedKeys(row.name, row.venue, bytes(row.sealed_keys), row.keys_fingerprint, row.keys_changed_at)
        for row in connection.execute(query)
    ]


def store_sealed(connection: Connection, keys: SealedKeys) -> None:
    """Store the keys of an account, in the place of those that it has."""
    values = {"sealed_keys": keys.sealed, "keys_fingerprint": keys.fingerprint}
    _change(connection, keys.account, **values, keys_changed_at=keys.changed_at)


def remove_sealed(connection: Connection, account: str) -> None:
    """Take an account's keys away, if it has some."""
    _change(connection, account, sealed_keys=None, keys_fingerprint=None, keys_changed_at=None)


def _change(connection: Connection, account: str, **values: Any) -> None:
    connection.execute(update(accounts).where(accounts.c.name == account).values(**values))
