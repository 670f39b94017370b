"""URLs of databases as texts: whether one names a PostgreSQL database, and Dagster's beside ours.

No driver and no engine is needed for that: who only hands a URL on stays small.
"""

import re
from typing import Final

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.redaction import redacted

_SCHEMES: Final = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
_PARTS: Final = re.compile(
    r"(?P<scheme>[\w+]+)://(?P<account>[^:/]*(?::[^@]*)?@)?(?P<place>(?:\[[^/?]+\]|[^/:?]+)?(?::\d*)?)"
    r"(?:/(?P<database>[^?]*))?(?P<query>\?.*)?"
)


def require_database_url(url: str) -> None:
    """Prove that a text is a PostgreSQL URL with a database name.

    Raises
    ------
    ConfigurationError
        If it is not; a password is not shown.
    """
    _parts_of(url)


def dagster_url(url: str) -> str:
    """Spelling for Dagster's own database beside ours (psycopg2, which its retries rely on).

    Raises
    ------
    ConfigurationError
        As `require_database_url`.

    Examples
    --------
    >>> dagster_url("postgresql://quant@host:5432/quant?sslmode=require")
    'postgresql+psycopg2://quant@host:5432/dagster?sslmode=require'
    >>> dagster_url("postgres://host/prices")
    'postgresql+psycopg2://host/prices_dagster'
    """
    parts = _parts_of(url)
    name = "dagster" if parts["database"] == "quant" else f"{parts['database']}_dagster"
    place, query = f"{parts['account'] or ''}{parts['place']}", parts["query"] or ""
    return f"postgresql+psycopg2://{place}/{name}{query}"


def _parts_of(url: str) -> re.Match[str]:
    parts = _PARTS.fullmatch(url)
    if parts is not None and parts["scheme"] in _SCHEMES and parts["database"]:
        return parts
    fault = "is not a URL" if parts is None else "does not name a PostgreSQL database"
    raise ConfigurationError(
        f"database_url {redacted(url)!r} {fault}; expected postgresql://user:password@host:port/database"
    )
