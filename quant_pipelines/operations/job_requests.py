"""Runs of jobs that a person asked for: audited before they are started, so that none is unsigned."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.verb import Verb
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction


def note_request(engine: Engine, signature: Signature, verb: Verb, given: Mapping[str, Any]) -> int:
    """Record who asks for a run, and for what; return the row, whose id the run carries as a tag."""
    detail = {"reason": signature.reason, "config": dict(given), "identified": signature.is_identified}
    with transaction(engine) as connection:
        return audit.append(connection, signature.operator, "job.asked", f"job:{verb.job}", detail)


def note_failure(engine: Engine, signature: Signature, verb: Verb, audit_id: int, why: str) -> None:
    """Record that nothing came of a request."""
    detail = {"asked_by_row": audit_id, "error": why}
    with transaction(engine) as connection:
        audit.append(connection, signature.operator, "job.not_started", f"job:{verb.job}", detail)
