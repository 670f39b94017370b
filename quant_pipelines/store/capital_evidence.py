"""What the newest look says of a record, for those who only ask: nothing that looks is loaded with it."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.optimize.capital_gates import decided_capital, with_decision
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, Freshness, fresh_evidence
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate, passed
from quant_pipelines.store.acknowledged import is_vouched
from quant_pipelines.store.asked_once import is_among
from quant_pipelines.store.tables import capital_looks, capital_results, optimizer_tasks

OF_RESULT = tuple(name for name in CapitalEvidence._fields if name not in ("tests", "look_day"))
"""What a look says of each record by itself; the others are the look's own."""


def newest_evidence(connection: Connection, record_id: int) -> CapitalEvidence:
    """Read what the newest look that saw a record says of it; ``NOT_LOOKED_AT`` without one that counts."""
    return _newest(connection, [record_id]).get(record_id, NOT_LOOKED_AT)


def newest_evidences(connection: Connection, record_ids: Collection[int]) -> dict[int, CapitalEvidence]:
    """Read the same of many records; those without a look that counts are left out."""
    return _newest(connection, record_ids)


def with_capital(
    connection: Connection, rows: Iterable[Mapping[str, Any]], fresh: Freshness
) -> list[dict[str, Any]]:
    """Rows of verdicts with what capital says of them on a day, in place of what it said when they were made.

    Parameters
    ----------
    connection
        Open transaction.
    rows
        With ``task_id``, ``gates`` and ``parameters``; those without gates have no verdict.
    fresh
        Day, and how old evidence may be.

    Returns
    -------
    list of dict
        The rows with ``gates`` and ``capital_passed`` as they are now, and ``capital`` (decision, what
        decided, the same in words); None where there is no verdict.
    """
    listed = [*rows]
    tasks = optimizer_tasks.c
    query = select(tasks.id, tasks.record_id).where(tasks.id.in_([row["task_id"] for row in listed]))
    record_of = {row.id: row.record_id for row in connection.execute(query)}
    said = _newest(connection, {*record_of.values()})
    return [dict(row) | _counted(row, said.get(record_of.get(row["task_id"], -1)), fresh) for row in listed]


def _counted(row: Mapping[str, Any], said: CapitalEvidence | None, fresh: Freshness) -> dict[str, Any]:
    if row["gates"] is None:
        return {"capital": None}
    evidence = fresh_evidence(said or NOT_LOOKED_AT, fresh)
    gates = with_decision([Gate(**gate) for gate in row["gates"]], evidence)
    return {
        "gates": [gate.to_document() for gate in gates],
        "capital_passed": bool(row["parameters"]) and passed(gates, PAPER, CAPITAL),
        "capital": decided_capital(gates, evidence)._asdict(),
    }


@cache
def _newest_results() -> Select[Any]:
    results, looks = capital_results.c, capital_looks.c
    return (
        select(results.record_id, *(results[name] for name in OF_RESULT), looks.family_size, looks.look_day)
        .join(capital_looks, looks.id == results.look_id)
        .where(is_among(results.record_id, "ids"), is_vouched())
        .ext(distinct_on(results.record_id))
        .order_by(results.record_id, looks.look_day.desc())
    )


def _newest(connection: Connection, record_ids: Collection[int]) -> dict[int, CapitalEvidence]:
    return {
        row.record_id: CapitalEvidence(
            **{name: getattr(row, name) for name in OF_RESULT}, tests=row.family_size, look_day=row.look_day
        )
        for row in connection.execute(_newest_results(), {"ids": [*record_ids]})
    }
