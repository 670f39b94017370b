"""The people who decide: their role, their sealed seed of one-time codes, and which code was taken last."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, func, insert, select, text, update

from quant_pipelines.store.tables import users
from quant_pipelines.store.tables.ops import Role

_LOCK = 0x55534552


class User(NamedTuple):
    """One row of ``ops.users``.

    Parameters
    ----------
    name
        Lower case.
    role
        What the person may do.
    sealed_seed
        Ciphertext of the seed that codes are made of.
    last_step
        Time step of the last code that was accepted; 0 before the first one.
    tried_at
        When codes were tried last, oldest first.
    disabled_at
        When the person was shut out; None while not.
    """

    name: str
    role: Role
    sealed_seed: bytes
    last_step: int
    tried_at: list[datetime]
    disabled_at: datetime | None


def lock_users(connection: Connection) -> None:
    """Let nobody else add or disable users until this transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def read_users(connection: Connection) -> list[User]:
    """Everybody, by name."""
    query = select(*(users.c[name] for name in User._fields)).order_by(users.c.name)
    return [User(*row) for row in connection.execute(query)]


def has_users(connection: Connection) -> bool:
    """Whether there is a user at all: from then on names are proven by codes."""
    return bool(connection.execute(select(exists().select_from(users))).scalar_one())


def locked_user(connection: Connection, name: str) -> User | None:
    """Read a user for a change; whoever else wants to waits until this transaction ends."""
    query = select(*(users.c[one] for one in User._fields)).where(users.c.name == name).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else User(*row)


def add_user(connection: Connection, values: dict[str, Any]) -> None:
    """Store a new user: ``name``, ``role``, ``sealed_seed``, ``added_at``, ``added_by``."""
    connection.execute(insert(users).values(last_step=0, tried_at=[], **values))


def change_user(connection: Connection, name: str, **values: Any) -> None:
    """Change columns of a user."""
    connection.execute(update(users).where(users.c.name == name).values(**values))


def role_of(connection: Connection, name: str) -> Role | None:
    """Role of a user who is able; None for anybody else."""
    query = select(users.c.role).where(users.c.name == name, users.c.disabled_at.is_(None))
    return connection.execute(query).scalar_one_or_none()


def count_admins(connection: Connection) -> int:
    """How many admins are not disabled."""
    able = (users.c.role == "admin") & users.c.disabled_at.is_(None)
    return int(connection.execute(select(func.count()).select_from(users).where(able)).scalar_one())
