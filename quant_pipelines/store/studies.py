"""Combinatorial studies in PostgreSQL: kept to be shown and gone on with, read by no decision."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, Select, func, insert, select, update

from quant_pipelines.core.clock import utc_now
from quant_pipelines.optimize.combinatorial_study import SplitFinding
from quant_pipelines.store.research import finite, save_version
from quant_pipelines.store.research_lists import RowFilter, newest_rows
from quant_pipelines.store.tables import combinatorial_splits, combinatorial_studies, strategy_versions


class StudyRow(NamedTuple):
    """A study as it is stored.

    Parameters
    ----------
    id
        Key of its row.
    strategy, source
        Name and text that it studies.
    job
        What was asked for, as a JSON document.
    result
        Figures, paths and splits; None until all splits have run.
    splits
        How many have run.
    """

    id: int
    strategy: str
    source: str
    job: dict[str, Any]
    result: dict[str, Any] | None
    splits: int


def study_of_key(connection: Connection, key: str) -> StudyRow | None:
    """Study with this key; None where there is none."""
    return _study(
        connection.execute(_studies().where(combinatorial_studies.c.study_key == key)).one_or_none()
    )


def read_study(connection: Connection, study_id: int) -> StudyRow | None:
    """Study with this id; None where there is none."""
    return _study(connection.execute(_studies().where(combinatorial_studies.c.id == study_id)).one_or_none())


def list_studies(connection: Connection, wanted: RowFilter) -> list[dict[str, Any]]:
    """Read studies, newest first: how many splits have run, and the figures once all have."""
    studies = combinatorial_studies.c
    names = ("strategy", "exchange", "symbol", "timeframe", "window_start", "window_end", "created_at")
    query = (
        select(studies.id.label("study_id"), *(studies[name] for name in names))
        .add_columns(strategy_versions.c.content_hash.label("version"), _splits_run().label("splits_run"))
        .add_columns(
            studies.settings["job"]["windows"].label("windows"), studies.result["figures"].label("figures")
        )
        .join(strategy_versions, strategy_versions.c.id == studies.strategy_version_id)
    )
    return newest_rows(connection, query, combinatorial_studies, wanted)


def begin_study(connection: Connection, version: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Store a study whose splits are to come, with its strategy's version.

    Parameters
    ----------
    connection
        Open transaction.
    version
        See ``save_version``.
    row
        Columns but ``strategy_version_id``, ``result`` and ``created_at``.

    Returns
    -------
    int
        Id of the row.
    """
    values = dict(row) | {
        "strategy_version_id": save_version(connection, version),
        "created_at": utc_now(),
    }
    added = insert(combinatorial_studies).values(values).returning(combinatorial_studies.c.id)
    return int(connection.execute(added).scalar_one())


def save_split(connection: Connection, study_id: int, number: int, found: SplitFinding) -> None:
    """Store what a split found; floats keep every digit."""
    returns = [days.tolist() for days in found.returns]
    row = found._asdict() | {"study_id": study_id, "number": number, "returns": returns}
    connection.execute(insert(combinatorial_splits).values(row))


def read_splits(connection: Connection, study_id: int) -> dict[int, SplitFinding]:
    """Read the splits of a study that have run, by number."""
    splits = combinatorial_splits.c
    rows = connection.execute(select(combinatorial_splits).where(splits.study_id == study_id))
    return {
        row.number: SplitFinding(
            row.parameters,
            row.trials,
            row.purge_days,
            tuple(np.array(days, dtype=np.float64) for days in row.returns),
        )
        for row in rows
    }


def finish_study(connection: Connection, study_id: int, result: Mapping[str, Any]) -> None:
    """Store what all splits have come to."""
    is_it = combinatorial_studies.c.id == study_id
    connection.execute(update(combinatorial_studies).where(is_it).values(result=finite(result)))


def _splits_run() -> Any:
    splits, studies = combinatorial_splits.c, combinatorial_studies.c
    return select(func.count()).where(splits.study_id == studies.id).scalar_subquery()


def _studies() -> Select[Any]:
    studies = combinatorial_studies.c
    return (
        select(studies.id, studies.strategy, strategy_versions.c.source, studies.result)
        .add_columns(studies.settings["job"].label("job"), _splits_run().label("splits"))
        .join(strategy_versions, strategy_versions.c.id == studies.strategy_version_id)
    )


def _study(row: Row[Any] | None) -> StudyRow | None:
    return None if row is None else StudyRow(*(getattr(row, name) for name in StudyRow._fields))
