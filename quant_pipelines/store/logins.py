"""Who is logged in at the gateway: browsers by an opaque token, programs by the number of a signed one."""

import hashlib
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, exists, insert, select, update

from quant_pipelines.store.tables import logins, users
from quant_pipelines.store.tables.ops import LoginKind, Role

_SEEN_EVERY = timedelta(minutes=1)


class NewLogin(NamedTuple):
    """A login that begins.

    Parameters
    ----------
    kind
        Browser or program.
    token
        What proves it later; only its hash is stored.
    operator
        Name of the user, or as it was typed where nobody is a user yet.
    role
        Most that it may do.
    is_identified
        Whether a one-time code proved the name.
    label
        What a program is called.
    """

    kind: LoginKind
    token: str
    operator: str
    role: Role
    is_identified: bool
    label: str = ""


class Login(NamedTuple):
    """A login that counts.

    Parameters
    ----------
    id
        Its row.
    kind
        Browser or program.
    operator
        Who it is.
    role
        Most that it may do by itself.
    user_role
        Role of its user now; None where nobody proved the name.
    is_identified
        Whether a one-time code proved the name.
    seen_at
        When it was used last, to the minute.
    """

    id: int
    kind: LoginKind
    operator: str
    role: Role
    user_role: Role | None
    is_identified: bool
    seen_at: datetime


def token_hash(token: str) -> bytes:
    """Hash a token, as it is stored."""
    return hashlib.sha256(token.encode()).digest()


def open_login(connection: Connection, new: NewLogin, now: datetime, ends_at: datetime) -> int:
    """Store a login; it ends by itself."""
    values: dict[str, Any] = {name: value for name, value in new._asdict().items() if name != "token"}
    values |= {"token_hash": token_hash(new.token), "opened_at": now, "seen_at": now, "ends_at": ends_at}
    return int(connection.execute(insert(logins).values(values).returning(logins.c.id)).scalar_one())


def find_login(connection: Connection, token: str, now: datetime, idle: timedelta) -> Login | None:
    """Read the login that a token proves; None where there is none that counts now.

    One whose user was shut out does not count, nor one of a name that nobody proved once there are users.
    """
    given = {"hash": token_hash(token), "now": now, "idle_since": now - idle}
    found = connection.execute(_login_query(), given).one_or_none()
    return None if found is None else Login(*found)


@cache  # every request asks it
def _login_query() -> Select[Any]:
    row = logins.c
    able = (users.c.name == row.operator) & users.c.disabled_at.is_(None)
    return (
        select(row.id, row.kind, row.operator, row.role, users.c.role.label("user_role"))
        .add_columns(row.is_identified, row.seen_at)
        .outerjoin(users, able & row.is_identified)
        .where(row.token_hash == bindparam("hash"), row.ended_at.is_(None), row.ends_at > bindparam("now"))
        .where((row.kind == "program") | (row.seen_at > bindparam("idle_since")))
        .where(users.c.name.is_not(None) | (~row.is_identified & ~exists(select(users.c.name))))
    )


def note_use(connection: Connection, login: Login, now: datetime) -> None:
    """Store when a login was used, at most once a minute."""
    if now - login.seen_at >= _SEEN_EVERY:
        connection.execute(update(logins).where(logins.c.id == login.id).values(seen_at=now))


def end_login(connection: Connection, login_id: int, now: datetime, *, operator: str | None = None) -> bool:
    """End a login, of one operator if that is given; whether there was one that counted."""
    ending = update(logins).where(
        logins.c.id == login_id, logins.c.ended_at.is_(None), logins.c.ends_at > now
    )
    if operator is not None:
        ending = ending.where(logins.c.operator == operator)
    return connection.execute(ending.values(ended_at=now)).rowcount > 0


def end_logins_of(connection: Connection, operator: str, now: datetime) -> None:
    """End every login of an operator: those of browsers and the tokens of programs."""
    standing = (logins.c.operator == operator) & logins.c.ended_at.is_(None)
    connection.execute(update(logins).where(standing).values(ended_at=now))


def standing_logins(connection: Connection, operator: str, now: datetime) -> list[dict[str, Any]]:
    """Read the logins of an operator that count, newest first."""
    shown = ("id", "kind", "role", "label", "opened_at", "seen_at", "ends_at")
    query = (
        select(*(logins.c[name] for name in shown))
        .where(logins.c.operator == operator, logins.c.ended_at.is_(None), logins.c.ends_at > now)
        .order_by(logins.c.id.desc())
    )
    return [dict(row) for row in connection.execute(query).mappings()]
