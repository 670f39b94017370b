"""Who asks: a browser by its cookie, a program by its token; and who logs in."""

import secrets
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import HTTPConnection

from quant_pipelines.core.callers import is_loopback
from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import Unproven
from quant_pipelines.gateway import program_tokens
from quant_pipelines.gateway.cookies import cookie_name
from quant_pipelines.gateway.services import Services
from quant_pipelines.operations.people import ROLES, Claimant, identify
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.engine import session, transaction
from quant_pipelines.store.logins import Login, NewLogin, find_login, note_use, open_login
from quant_pipelines.store.tables.ops import LoginKind, Role
from quant_pipelines.store.users import has_users, role_of

_TOKEN_BYTES = 32
_REASON = "logs in at the gateway"
_HANDED_ON = frozenset({"forwarded", "via", "x-real-ip"})
"""Headers of proxies, beside the X-Forwarded-…"""


class Person(NamedTuple):
    """Who asks, proven by a login.

    Parameters
    ----------
    operator
        Name, as decisions are signed with it.
    role
        What it may do now.
    is_identified
        Whether a one-time code proved the name.
    kind
        Browser or program.
    login_id
        Row of the login.
    token
        The browser's token, which its forms are bound to; empty for a program.
    """

    operator: str
    role: Role
    is_identified: bool
    kind: LoginKind
    login_id: int
    token: str = ""

    def may(self, role: Role) -> bool:
        """Whether that role or a higher one is held."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def signature(self, reason: str) -> Signature:
        """Sign a decision."""
        return Signature(self.operator, reason, self.is_identified)


class OpenedLogin(NamedTuple):
    """A login that was opened: its token, which is told once, and whose it is."""

    token: str
    person: Person


def find_person(services: Services, connection: HTTPConnection, *, is_used: bool = True) -> Person | None:
    """Prove who asks; None without credentials, or with some that do not count.

    ``is_used`` says whether somebody asks now, so that the login is not idle.
    """
    bearer = bearer_of(connection)
    if bearer:
        number = program_tokens.number_of(services, bearer)
        return _person(services, number, "program", is_used=is_used) if number else None
    token = connection.cookies.get(cookie_name(connection, services.rules.root_path), "")
    return _person(services, token, "browser", is_used=is_used) if token else None


def bearer_of(connection: HTTPConnection) -> str:
    """Token of a program as its header has it."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def is_from_here(services: Services, connection: HTTPConnection) -> bool:
    """Whether a caller sits at this machine, for all that can be seen: no proxy has handed it on."""
    peer = connection.client.host if connection.client else ""
    called = connection.url.hostname or ""
    was_handed_on = any(name.startswith("x-forwarded-") or name in _HANDED_ON for name in connection.headers)
    return all(map(is_loopback, (services.rules.host, peer, called))) and not was_handed_on


def log_in(services: Services, operator: str, code: str, *, is_here: bool) -> OpenedLogin:
    """Prove a name by a one-time code, and open a browser's login.

    While nobody is a user a name is enough for whoever is here, see ``is_from_here``.

    Raises
    ------
    LifecycleError
        If name or code do not suffice.
    SecretError
        If the seed does not open here.
    """
    signature = identify(services.store, Claimant(operator, _REASON, code, "viewer"))
    if not signature.is_identified and not is_here:
        raise Unproven("nobody is a user yet; expected a user with a one-time code: quant users add")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    now = clock_time(services.clock)
    with transaction(services.engine) as connection:
        if not signature.is_identified and has_users(connection):
            raise Unproven("somebody has become a user meanwhile; expected a user's name and code")
        role = role_of(connection, signature.operator) if signature.is_identified else ROLES[-1]
        if role is None:
            raise Unproven(f"{signature.operator} was disabled meanwhile; expected a user that is able")
        new = NewLogin("browser", token, signature.operator, ROLES[-1], signature.is_identified)
        ends_at = now + timedelta(minutes=services.rules.session_minutes)
        login_id = open_login(connection, new, now, ends_at)
    who = Person(signature.operator, role, signature.is_identified, "browser", login_id, token)
    return OpenedLogin(token, who)


def _person(services: Services, token: str, kind: LoginKind, *, is_used: bool) -> Person | None:
    now, idle = clock_time(services.clock), timedelta(minutes=services.rules.idle_minutes)
    with session(services.engine) as connection:  # asked by every request: a transaction is two answers more
        login = find_login(connection, token, now, idle)
        if login is None or login.kind != kind:
            return None
        if is_used:
            note_use(connection, login, now)
    kept = token if kind == "browser" else ""
    return Person(login.operator, _role(login), login.is_identified, kind, login.id, kept)


def _role(login: Login) -> Role:
    """Lower one of the login's and its user's; names that nobody proved have no user."""
    return min(login.role, login.user_role or login.role, key=ROLES.index)
