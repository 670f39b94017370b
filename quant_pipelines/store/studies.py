"""Combinatorial studies in PostgreSQL: kept to be shown, read by no decision."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import finite, save_version
from quant_pipelines.store.tables import combinatorial_studies


def read_study(connection: Connection, key: str) -> tuple[int, dict[str, Any]] | None:
    """Id and result of the study with this key; None where there is none."""
    studies = combinatorial_studies.c
    row = connection.execute(select(studies.id, studies.result).where(studies.study_key == key)).one_or_none()
    return None if row is None else (int(row.id), row.result)


def save_study(engine: Engine, version: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Store a study with its strategy's version.

    Parameters
    ----------
    engine
        Product database.
    version
        See ``save_version``.
    row
        Columns but ``strategy_version_id`` and ``created_at``.

    Returns
    -------
    int
        Id of the row.
    """
    with transaction(engine) as connection:
        values = dict(row) | {
            "strategy_version_id": save_version(connection, version),
            "result": finite(row["result"]),
            "created_at": utc_now(),
        }
        added = insert(combinatorial_studies).values(values).returning(combinatorial_studies.c.id)
        return int(connection.execute(added).scalar_one())
