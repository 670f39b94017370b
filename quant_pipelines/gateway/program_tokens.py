"""Tokens of programs: signed, short-lived, and taken back by their number, which is a row.

The key is made of the stack's master key, so that a rotation ends every token, and no table holds it.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import jwt

from quant_pipelines.core.clock import clock_time
from quant_pipelines.gateway.services import Services
from quant_pipelines.secrets import read_master_keys
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.logins import NewLogin, open_login
from quant_pipelines.store.tables.ops import Role

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "quant-gateway"
_NUMBER_BYTES = 16


class Program(NamedTuple):
    """A program that is let in.

    Parameters
    ----------
    operator
        User in whose name it acts.
    role
        Most that it may do.
    label
        What it is called.
    is_identified
        Whether a one-time code proved that user's name.
    """

    operator: str
    role: Role
    label: str
    is_identified: bool


class Issued(NamedTuple):
    """A token, told once."""

    login_id: int
    token: str
    ends_at: datetime


def issue(services: Services, program: Program, minutes: int) -> Issued:
    """Let a program in for some minutes.

    Raises
    ------
    SecretError
        If there is no master key that could sign.
    """
    key = _key(services, make=True)
    number = secrets.token_urlsafe(_NUMBER_BYTES)
    now = clock_time(services.clock)
    ends_at = now + timedelta(minutes=minutes)
    new = NewLogin("program", number, program.operator, program.role, program.is_identified, program.label)
    with transaction(services.engine) as connection:
        login_id = open_login(connection, new, now, ends_at)
    claims = {"jti": number, "sub": program.operator, "aud": _AUDIENCE, "iat": now, "exp": ends_at}
    return Issued(login_id, jwt.encode(claims, key, _ALGORITHM), ends_at)


def number_of(services: Services, token: str) -> str:
    """Read the number of a token that this stack has signed; empty for any other.

    Whether it counts still is for its row to say, by the stack's own clock.
    """
    needed = {"require": ["jti", "exp", "aud"], "verify_exp": False, "verify_iat": False}
    try:
        key = _key(services)
        claims = jwt.decode(token, key, [_ALGORITHM], audience=_AUDIENCE, options=needed)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return ""
    return str(claims["jti"])


def _key(services: Services, *, make: bool = False) -> bytes:
    masters = read_master_keys(services.store.home, services.store.environment, make=make)
    return hmac.new(masters.current, b"gateway tokens", hashlib.sha256).digest()
