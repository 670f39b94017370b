"""Days of deployments beside their replays: rows that are added once and stay."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.store.tables import parity_causes, parity_days


class ParityRow(NamedTuple):
    """One deployment's day as it is stored; money in quote, None where it was not replayed."""

    deployment_id: int
    day: date
    kernel_digest: str
    verdict: str
    reason: str = ""
    actual: Decimal | None = None
    replayed: Decimal | None = None
    rest: Decimal | None = None
    allowed: Decimal | None = None
    n_fills: int = 0
    n_replayed: int = 0
    to_the_bit: bool = False
    another: Sequence[Mapping[str, Any]] = ()
    causes: Mapping[str, Decimal] = {}


def add_parity(connection: Connection, row: ParityRow, at: datetime) -> bool:
    """Store a day with its causes; False if the same kernel has compared it before: what is stored stays."""
    values = row._asdict() | {"another": list(row.another), "compared_at": at}
    causes = values.pop("causes")
    query = upsert(parity_days).values(values).on_conflict_do_nothing().returning(parity_days.c.id)
    key = connection.execute(query).scalar_one_or_none()
    if key is None:
        return False
    rows = [{"parity_day_id": key, "cause": name, "amount": amount} for name, amount in causes.items()]
    if rows:
        connection.execute(insert(parity_causes), rows)
    return True


def read_parity(connection: Connection, day: date) -> list[dict[str, Any]]:
    """Read the newest comparison of each deployment's day, with its causes, by deployment."""
    query = select(parity_days).where(parity_days.c.day == day).order_by(parity_days.c.id)
    newest = {row["deployment_id"]: dict(row) for row in connection.execute(query).mappings()}
    rows = [newest[key] for key in sorted(newest)]
    causes = _causes(connection, [row["id"] for row in rows])
    return [row | {"causes": causes.get(row["id"], {})} for row in rows]


def was_faulty(connection: Connection, deployment_id: int, day: date, faults: Iterable[str]) -> bool:
    """Whether the newest comparison of a deployment's day had one of some verdicts."""
    columns = parity_days.c
    query = (
        select(columns.verdict)
        .where(columns.deployment_id == deployment_id, columns.day == day)
        .order_by(columns.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() in set(faults)


def _causes(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, Decimal]]:
    query = select(parity_causes).where(parity_causes.c.parity_day_id.in_(keys))
    found: dict[int, dict[str, Decimal]] = {}
    for row in connection.execute(query.order_by(parity_causes.c.cause)):
        found.setdefault(row.parity_day_id, {})[row.cause] = row.amount
    return found
