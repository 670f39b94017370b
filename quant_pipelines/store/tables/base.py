"""Column types that all schemas share.

Market columns are double precision (they are read as arrays), money is NUMERIC, times are timestamptz.
"""

from typing import Any, get_args

from sqlalchemy import BigInteger, Column, DateTime, Identity, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB

SCHEMAS = ("market", "research", "trading", "ops")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, words: Any) -> str:
    """Condition that a column holds one of the words of a ``Literal``."""
    return f"{column} in ({', '.join(repr(word) for word in get_args(words))})"


def identity() -> Column[int]:
    """Primary key that the database counts."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def text(name: str, **options: Any) -> Column[str]:
    """Text column that is never null unless the options say so."""
    return Column(name, Text, **{"nullable": False, **options})


def moment(name: str, **options: Any) -> Column[Any]:
    """Point in time, stored with its zone; never null unless the options say so."""
    return Column(name, DateTime(timezone=True), **{"nullable": False, **options})


def money(name: str, **options: Any) -> Column[Any]:
    """Exact decimal amount, price or quantity; never null unless the options say so."""
    return Column(name, Numeric, **{"nullable": False, **options})


def document(name: str, **options: Any) -> Column[Any]:
    """JSON document; never null unless the options say so."""
    return Column(name, JSONB, **{"nullable": False, **options})
