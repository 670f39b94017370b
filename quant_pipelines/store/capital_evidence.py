"""What the newest look says of a record, for those who only ask: nothing that looks is loaded with it."""

from sqlalchemy import Connection, select

from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.store.tables import capital_looks, capital_results

OF_RESULT = tuple(name for name in CapitalEvidence._fields if name not in ("tests", "look_day"))
"""What a look says of each record by itself; the others are the look's own."""


def newest_evidence(connection: Connection, record_id: int) -> CapitalEvidence:
    """Read what the newest look that saw a record says of it; ``NOT_LOOKED_AT`` where none has."""
    results, looks = capital_results.c, capital_looks.c
    query = (
        select(*(results[name] for name in OF_RESULT), looks.family_size, looks.look_day)
        .join(capital_looks, looks.id == results.look_id)
        .where(results.record_id == record_id)
        .order_by(looks.look_day.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return NOT_LOOKED_AT
    values = {name: getattr(row, name) for name in OF_RESULT}
    return CapitalEvidence(**values, tests=row.family_size, look_day=row.look_day)
