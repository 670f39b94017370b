"""Runs of jobs that a person asked for: audited before they are started, so that none is unsigned."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from sqlalchemy import Engine

from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.verb import Verb
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction

LaunchOutcome: TypeAlias = Literal["not_started", "unknown"]


def note_request(engine: Engine, signature: Signature, verb: Verb, given: Mapping[str, Any]) -> int:
    """Record who asks for a run, and for what; return the row, whose id the run carries as a tag."""
    detail = {"reason": signature.reason, "config": dict(given), "identified": signature.is_identified}
    with transaction(engine) as connection:
        return audit.append(connection, signature.operator, "job.asked", f"job:{verb.job}", detail)


def note_outcome(
    engine: Engine, signature: Signature, verb: Verb, outcome: LaunchOutcome, detail: Mapping[str, Any]
) -> None:
    """Record that nothing came of a request, or that nobody knows whether something did."""
    with transaction(engine) as connection:
        audit.append(connection, signature.operator, f"job.{outcome}", f"job:{verb.job}", dict(detail))
