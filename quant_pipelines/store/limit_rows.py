"""Limits of a deployment by whose they are: those of an operator go on with what takes its place."""

from sqlalchemy import Connection, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.store.tables import risk_limits


def limit_owners(connection: Connection, scope: str) -> dict[str, str]:
    """Read whose the stored limits of a scope are, by name."""
    query = select(risk_limits.c.name, risk_limits.c.owner).where(risk_limits.c.scope == scope)
    return {row.name: row.owner for row in connection.execute(query)}


def copy_limits(connection: Connection, scope: str, to_scope: str, *, besides: str) -> None:
    """Let the limits of a scope hold another one too, but for those of an owner; what that has stays."""
    columns = [one for one in risk_limits.c if one.name != "scope"]
    theirs = (risk_limits.c.scope == scope) & (risk_limits.c.owner != besides)
    rows = select(literal(to_scope), *columns).where(theirs)
    made = upsert(risk_limits).from_select(["scope", *(one.name for one in columns)], rows)
    connection.execute(made.on_conflict_do_nothing(index_elements=["scope", "name"]))
