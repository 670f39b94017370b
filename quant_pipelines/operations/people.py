"""Proves who decides: a name of ``ops.users``, a role that suffices, and a one-time code (RFC 6238).

As soon as there is one user, every decision asks for a code. A code is used up by being right, whatever
becomes of the decision: its step is committed first, under the lock of the user's row, so that no two
processes take it.
"""

from datetime import datetime, timedelta
from typing import NamedTuple, get_args

import pyotp
from pyotp.utils import strings_equal
from sqlalchemy import Connection

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import LifecycleError, QuantError, RoleTooLow, TriedTooOften, Unproven
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.secrets import open_seed, read_master_keys
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables.ops import Role
from quant_pipelines.store.users import User, change_user, has_users, locked_user

STEP_SECONDS = 30
_DIGITS = 6
_MOST_TRIES = 5
_WINDOW = timedelta(minutes=1)
LONGEST_QUEUE = timedelta(minutes=15)
_DRIFT_STEPS = (0, -1, 1)
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may what those before it may."""


class Claimant(NamedTuple):
    """What somebody says who wants to decide.

    Parameters
    ----------
    operator, reason
        Who, and why.
    code
        One-time code; empty where none was given.
    role
        The least that suffices.
    is_real_money
        Whether it lets orders go to a real exchange: without a user that is refused.
    asked_at
        When the code was given, if that is recorded where nobody who asks can set it: a run may wait in a
        queue for longer than a code is shown. None stands for now.
    """

    operator: str
    reason: str
    code: str
    role: Role
    is_real_money: bool = False
    asked_at: datetime | None = None


def identify(store: KeyStore, claimant: Claimant) -> Signature:
    """Prove who somebody says to be.

    Parameters
    ----------
    store
        Database, and what opens the seeds.
    claimant
        Who says to be whom.

    Returns
    -------
    Signature
        Name as the user's row has it; as it was typed where nobody is a user yet.

    Raises
    ------
    LifecycleError
        If the name, the role or the code does not suffice; the sentence says which.
    SecretError
        If the seed does not open here.
    """
    typed = Signature(claimant.operator, claimant.reason)
    with transaction(store.engine) as connection:
        if not has_users(connection):
            if claimant.is_real_money:
                raise LifecycleError(
                    "nobody is a user yet, and this lets orders go to a real exchange; "
                    "expected operators with one-time codes: quant users add"
                )
            return typed
        user = _entitled(connection, claimant)
        # What is wrong with a code is raised after the commit: a try that failed counts.
        fault = _fault(connection, user, claimant, store)
    if fault is not None:
        raise fault
    return Signature(user.name, typed.reason, is_identified=True)


def _entitled(connection: Connection, claimant: Claimant) -> User:
    name = claimant.operator.strip().lower()
    user = locked_user(connection, name)
    if user is None or user.disabled_at is not None:
        what = "is disabled" if user else "is no user"
        raise Unproven(f"operator {name!r} {what}; expected a name that quant users list shows as able")
    if ROLES.index(user.role) < ROLES.index(claimant.role):
        raise RoleTooLow(f"{name} is {_with_article(user.role)}; expected {_with_article(claimant.role)}")
    if not claimant.code.strip():
        raise Unproven(f"{name} gave no code; expected the {_DIGITS} digits that the authenticator shows")
    return user


def _fault(connection: Connection, user: User, claimant: Claimant, store: KeyStore) -> QuantError | None:
    """Count the try, and take the code's step if it is right."""
    now = clock_time(store.clock)
    recent = [at for at in user.tried_at if timedelta() <= now - at < _WINDOW]
    if len(recent) >= _MOST_TRIES:
        left = int((recent[0] + _WINDOW - now).total_seconds()) + 1
        return TriedTooOften(
            f"{_MOST_TRIES} codes of {user.name} were tried within a minute; "
            f"expected a pause of {left} seconds"
        )
    change_user(connection, user.name, tried_at=[*recent, now])
    seed = open_seed(read_master_keys(store.home, store.environment), user.name, user.sealed_seed)
    totp = pyotp.TOTP(seed, digits=_DIGITS, interval=STEP_SECONDS)
    step = _step_of(totp, claimant.code.strip(), _given_at(claimant, now))
    if step is None:
        return Unproven(f"the code of {user.name} is not right; expected the one that is shown now")
    if step <= user.last_step:
        return Unproven(f"that code of {user.name} was used already; expected the next one")
    change_user(connection, user.name, last_step=step)
    return None


def _given_at(claimant: Claimant, now: datetime) -> datetime:
    """When the code was given; now, where the record says a time that no queue explains."""
    at = claimant.asked_at
    return at if at is not None and timedelta() <= now - at <= LONGEST_QUEUE else now


def _step_of(totp: pyotp.TOTP, code: str, at: datetime) -> int | None:
    """Time step that a code belongs to; None if it is none of that time, one before and one after."""
    present = int(at.timestamp()) // STEP_SECONDS
    for drift in _DRIFT_STEPS:
        if strings_equal(code, totp.generate_otp(present + drift)):
            return present + drift
    return None


def _with_article(role: Role) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
