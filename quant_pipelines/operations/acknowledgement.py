"""A person acknowledges that earlier looks are not what they were, so that looks go on in spite of it."""

from datetime import date

from sqlalchemy import Engine

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.acknowledged import save_acknowledged
from quant_pipelines.store.engine import transaction


def acknowledge_looks(engine: Engine, signature: Signature, *, look_day: str, exchange: str) -> Receipt:
    """Go on from looks whose replay differs; what differs is named, and counts no more.

    Raises
    ------
    ConfigurationError
        If the day is none.
    OptimizationError
        If nothing differs, or the first look that differs is of another day.
    """
    from quant_pipelines.research.mismatch import require_mismatch  # noqa: PLC0415 - numba

    found = require_mismatch(engine, exchange, _day(look_day))
    detail = {
        "reason": signature.reason,
        "difference": found.difference,
        "look_day": found.look_day.isoformat(),
        "newest_look": found.newest_day.isoformat(),
        "records": list(found.record_ids),
        "alpha_spent": found.alpha_spent,
    }
    subject = f"capital look:{exchange}"
    with transaction(engine) as connection:
        row = {"look_day": found.newest_day, "alpha_spent": found.alpha_spent, "difference": found.difference}
        row |= {"exchange": exchange, "record_ids": list(found.record_ids)}
        save_acknowledged(connection, row | {"actor": signature.operator, "reason": signature.reason})
        audit_id = audit.append(connection, signature.operator, "look.acknowledged", subject, detail)
    n_records = len(found.record_ids)
    doubted = "1 record" if n_records == 1 else f"{n_records} records"
    summary = (
        f"{found.difference}: acknowledged; the looks after that of {found.newest_day} have what it left of "
        f"the year's error, and of {doubted} neither days nor passes until then count"
    )
    return Receipt("look.acknowledged", subject, summary, audit_id)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"look_day is {text!r}; expected a day such as 2026-03-04") from error
