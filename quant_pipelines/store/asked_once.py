"""Conditions of queries that are made once and asked often: to make one takes longer than to answer it."""

from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY


def is_among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Condition that a column is one of a list that is given with the query by this name.

    However many there are, it is the same statement: the server has planned it already.
    """
    return column == any_(bindparam(name, type_=ARRAY(column.type)))
