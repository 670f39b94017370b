"""Users: added, listed, given a new seed, disabled; each change is audited.

The seed is shown once, to whoever adds the user, and is stored sealed. Until somebody's first code was
accepted no code is asked for here: whoever sets people up can begin again.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, get_args

import pyotp
from sqlalchemy import Connection

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import LifecycleError, unknown_name
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.people import Claimant, identify
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.voided import clause_of
from quant_pipelines.secrets import read_master_keys, seal_seed
from quant_pipelines.store import approvals, audit
from quant_pipelines.store.account_keys import lock_keys
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.logins import end_logins_of
from quant_pipelines.store.tables.ops import Role
from quant_pipelines.store.users import (
    User,
    add_user,
    change_user,
    count_admins,
    lock_users,
    locked_user,
    read_users,
)

ADMIN: Role = "admin"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_ISSUER = "quant"


class Enrolled(NamedTuple):
    """What was done, and the address that an authenticator reads once."""

    receipt: Receipt
    uri: str


def enroll(store: KeyStore, claimant: Claimant, name: str, role: Role) -> Enrolled:
    """Add a user; the first one must be an admin.

    Raises
    ------
    LifecycleError
        If the name is malformed or taken, or the claim does not suffice.
    """
    signature = _signed(store, claimant)
    if not _NAME.fullmatch(name):
        raise LifecycleError(
            f"name {name!r} is no user's; expected up to 40 lower-case letters, digits, dots, dashes or "
            "underscores, beginning with a letter or a digit"
        )
    if role not in get_args(Role):
        raise LifecycleError(unknown_name("role", role, get_args(Role)))
    now = clock_time(store.clock)
    with _changing(store) as connection:
        known = read_users(connection)
        if not known and role != ADMIN:
            wanted = f"expected --role {ADMIN}: an admin can add the others"
            raise LifecycleError(f"the first user is {role}; {wanted}")
        if name in {user.name for user in known}:
            raise LifecycleError(
                f"{name} is a user already; expected a new name, or quant users reset {name}"
            )
        # Names that nobody proved are worth nothing from the first user on.
        voided = [] if known else approvals.void_all(connection, now)
        seed = pyotp.random_base32()
        made = {"name": name, "role": role, "sealed_seed": _sealed(store, name, seed), "added_at": now}
        add_user(connection, made | {"added_by": signature.operator})
        receipt = _receipt(connection, signature, "user.added", name, f"{name} is {role}{clause_of(voided)}")
    return Enrolled(receipt, _uri(name, seed))


def reset(store: KeyStore, claimant: Claimant, name: str) -> Enrolled:
    """Give a user a new seed, and let a disabled one in again.

    Whoever had the old one may have used it: every login that it opened ends, and what was proposed is void.

    Raises
    ------
    LifecycleError
        If there is no such user, or the claim does not suffice.
    """
    signature = _signed(store, claimant)
    with _changing(store) as connection:
        _known(connection, name)
        seed = pyotp.random_base32()
        # The last step stays: codes of the new seed count from now on, and none of the old one fits.
        change_user(connection, name, sealed_seed=_sealed(store, name, seed), disabled_at=None)
        now = clock_time(store.clock)
        voided = approvals.void_proposals_of(connection, name, now)
        end_logins_of(connection, name, now)
        done = f"{name} has a new seed{clause_of(voided)}"
        receipt = _receipt(connection, signature, "user.reset", name, done)
    return Enrolled(receipt, _uri(name, seed))


def shut_out(store: KeyStore, claimant: Claimant, name: str) -> Receipt:
    """Disable a user.

    Raises
    ------
    LifecycleError
        If there is no such user, it is disabled or the last admin, or the claim does not suffice.
    """
    signature = _signed(store, claimant)
    with _changing(store) as connection:
        user = _known(connection, name)
        if user.disabled_at is not None:
            raise LifecycleError(f"{name} is disabled already; expected a user that is not")
        if user.role == ADMIN and count_admins(connection) == 1:
            raise LifecycleError(f"{name} is the last admin; expected another one first: quant users add")
        now = clock_time(store.clock)
        # Nobody could approve them any more, and they would keep others from proposing the same.
        voided = approvals.void_proposals_of(connection, name, now)
        change_user(connection, name, disabled_at=now)
        end_logins_of(connection, name, now)
        done = f"{name} is disabled{clause_of(voided)}"
        return _receipt(connection, signature, "user.disabled", name, done)


def list_users(store: KeyStore) -> list[dict[str, Any]]:
    """List everybody: ``name``, ``role``, ``state`` (new: no code was accepted yet; able; disabled)."""
    with transaction(store.engine) as connection:
        found = read_users(connection)
    return [{"name": user.name, "role": user.role, "state": _state(user)} for user in found]


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "able" if user.last_step else "new"


def _signed(store: KeyStore, claimant: Claimant) -> Signature:
    with transaction(store.engine) as connection:
        is_settled = any(user.last_step for user in read_users(connection))
    return identify(store, claimant) if is_settled else Signature(claimant.operator, claimant.reason)


@contextmanager
def _changing(store: KeyStore) -> Iterator[Connection]:
    with transaction(store.engine) as connection:
        lock_keys(connection)  # a rotation of the master key seals seeds too
        lock_users(connection)
        yield connection


def _known(connection: Connection, name: str) -> User:
    user = locked_user(connection, name)
    if user is None:
        raise LifecycleError(unknown_name("user", name, [one.name for one in read_users(connection)]))
    return user


def _sealed(store: KeyStore, name: str, seed: str) -> bytes:
    return seal_seed(read_master_keys(store.home, store.environment, make=True), name, seed)


def _uri(name: str, seed: str) -> str:
    return pyotp.TOTP(seed).provisioning_uri(name=name, issuer_name=_ISSUER)


def _receipt(connection: Connection, signature: Signature, action: str, name: str, done: str) -> Receipt:
    subject = f"user:{name}"
    detail = {"reason": signature.reason, "done": done}
    return Receipt(
        action, subject, done, audit.append(connection, signature.operator, action, subject, detail)
    )
