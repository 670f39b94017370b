"""API keys of accounts: added, shown by fingerprint, taken away and sealed again; each change is audited."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import SecretError, unknown_name
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.secrets import (
    ApiKeys,
    MasterKeys,
    finish_rotation,
    open_keys,
    open_seed,
    read_copy,
    read_master_keys,
    seal_keys,
    seal_seed,
    start_rotation,
    write_copy,
)
from quant_pipelines.store import audit
from quant_pipelines.store.account_keys import SealedKeys, lock_keys, read_sealed, remove_sealed, store_sealed
from quant_pipelines.store.deployments import venue_account
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.users import change_user, read_users

_CURRENCY = "USDT"


def add_keys(
    store: KeyStore, signature: Signature, account: str, keys: ApiKeys, *, replace: bool = False
) -> Receipt:
    """Seal and store the keys of an account; the account is made when it is missing.

    Raises
    ------
    SecretError
        If it has keys already and ``replace`` is not set, or there is no usable master key.
    """
    now = clock_time(store.clock)
    with transaction(store.engine) as connection:
        lock_keys(connection)
        masters = read_master_keys(store.home, store.environment, make=True)
        before = {row.account: row.fingerprint for row in read_sealed(connection)}
        if account in before and not replace:
            raise SecretError(
                f"account {account!r} has keys already, fingerprint {before[account]}; "
                "expected an account without, or --replace"
            )
        venue_account(connection, account, currency=_CURRENCY, capital=Decimal(0), at=now)
        sealed = seal_keys(masters, account, keys)
        store_sealed(connection, SealedKeys(account, account, sealed, keys.fingerprint, now))
        detail = {"reason": signature.reason, "before": before.get(account), "after": keys.fingerprint}
        subject = f"account:{account}"
        audit_id = audit.append(connection, signature.operator, "keys.added", subject, detail)
    keep_copy(store)
    summary = f"keys with fingerprint {keys.fingerprint} are stored for account {account}"
    return Receipt("keys.added", subject, summary, audit_id)


def list_keys(store: KeyStore) -> list[dict[str, Any]]:
    """Accounts with keys: ``account``, ``venue``, ``fingerprint``, ``changed_at``, ``opens``.

    ``opens`` says whether the master key that is here opens them.
    """
    with transaction(store.engine) as connection:
        rows = read_sealed(connection)
    return [
        {
            "account": row.account,
            "venue": row.venue,
            "fingerprint": row.fingerprint,
            "changed_at": row.changed_at,
            "opens": _opens(store, row.account, row.sealed),
        }
        for row in rows
    ]


def remove_keys(store: KeyStore, signature: Signature, account: str) -> Receipt:
    """Take the keys of an account away; the account stays.

    Raises
    ------
    SecretError
        If it has none.
    """
    with transaction(store.engine) as connection:
        lock_keys(connection)
        before = {row.account: row.fingerprint for row in read_sealed(connection)}
        if account not in before:
            raise SecretError(unknown_name("account with keys", account, before))
        remove_sealed(connection, account)
        detail = {"reason": signature.reason, "before": before[account]}
        subject = f"account:{account}"
        audit_id = audit.append(connection, signature.operator, "keys.removed", subject, detail)
    keep_copy(store)
    summary = (
        f"keys with fingerprint {before[account]} of account {account} are gone; revoke them at the venue too"
    )
    return Receipt("keys.removed", subject, summary, audit_id)


def rotate_master_key(store: KeyStore, signature: Signature) -> Receipt:
    """Seal all keys, and the seeds of all users, under a new master key, in one transaction.

    Raises
    ------
    SecretError
        If one of them does not open: nothing is changed then.
    """
    now = clock_time(store.clock)
    # The lock outlives the transaction until the file has its name: nobody seals under the old key between.
    with transaction(store.engine) as guard:
        lock_keys(guard)
        masters = start_rotation(store.home, store.environment)
        with transaction(store.engine) as connection:
            names = _seal_again(connection, masters, now)
            people = _seal_seeds_again(connection, masters)
            detail = {"reason": signature.reason, "accounts": names, "users": people}
            audit_id = audit.append(connection, signature.operator, "keys.rotated", "keys", detail)
        finish_rotation(store.home, store.environment)
    keep_copy(store)
    return Receipt("keys.rotated", "keys", f"keys of {len(names)} accounts are sealed again", audit_id)


def _seal_again(connection: Connection, masters: MasterKeys, now: datetime) -> list[str]:
    rows = read_sealed(connection)
    for row in rows:
        keys = open_keys(masters, row.account, row.sealed)
        sealed = seal_keys(masters, row.account, keys)
        store_sealed(connection, replace(row, sealed=sealed, changed_at=now))
    return [row.account for row in rows]


def _seal_seeds_again(connection: Connection, masters: MasterKeys) -> list[str]:
    found = read_users(connection)
    for user in found:
        seed = open_seed(masters, user.name, user.sealed_seed)
        change_user(connection, user.name, sealed_seed=seal_seed(masters, user.name, seed))
    return [user.name for user in found]


def stored_keys(store: KeyStore, account: str) -> ApiKeys | None:
    """Keys of an account; None where none are stored.

    Raises
    ------
    SecretError
        If they do not open.
    """
    with transaction(store.engine) as connection:
        sealed = {row.account: row.sealed for row in read_sealed(connection)}.get(account)
    if sealed is None:
        return None
    return open_keys(read_master_keys(store.home, store.environment), account, sealed)


def keep_copy(store: KeyStore) -> None:
    """Keep what the database has sealed in the home as well, for the hour in which the database is away."""
    with transaction(store.engine) as connection:
        write_copy(store.home, {row.account: row.sealed for row in read_sealed(connection)})


def copied_keys(home: Path, environment: Mapping[str, str], account: str) -> ApiKeys | None:
    """Keys of an account by the copy in the home; None where it has none.

    Raises
    ------
    SecretError
        If the copy can't be read, or does not open.
    """
    sealed = read_copy(home).get(account)
    return None if sealed is None else open_keys(read_master_keys(home, environment), account, sealed)


def _opens(store: KeyStore, account: str, sealed: bytes) -> bool:
    try:
        open_keys(read_master_keys(store.home, store.environment), account, sealed)
    except SecretError:
        return False
    return True
