"""Records of what was tried at exchanges before real orders; they are never changed."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import certificates
from quant_pipelines.trading.certificate import DEAD_MAN, Proof, has_passed

DEMO = "demo"
"""Place of an exchange's own demo venue: only its records unlock real orders."""


class Certificate(NamedTuple):
    """A record.

    Parameters
    ----------
    exchange, place, version
        Where, and by which code.
    steps
        What was tried.
    operator, at
        By whom, and when.
    """

    exchange: str
    place: str
    version: str
    steps: tuple[Proof, ...]
    operator: str
    at: datetime


class Permits(NamedTuple):
    """Whether a person has approved real orders of a deployment, and what was proven of this code.

    ``is_certified``: it may send them; ``has_safe_timer``: stops survive the venue's dead-man timer.
    """

    is_approved: bool = False
    is_certified: bool = False
    has_safe_timer: bool = False


def save_certificate(connection: Connection, certificate: Certificate) -> int:
    """Store a record in the caller's transaction; returns its id."""
    row = certificate._asdict()
    row |= {"steps": [step._asdict() for step in certificate.steps], "passed": has_passed(certificate.steps)}
    return int(connection.execute(insert(certificates).values(row).returning(certificates.c.id)).scalar_one())


def is_certified(engine: Engine, exchange: str, version: str) -> bool:
    """Whether this code has passed at the exchange's demo venue."""
    return _newest_steps(engine, exchange, version) is not None


def has_safe_timer(engine: Engine, exchange: str, version: str) -> bool:
    """Whether stops survived the dead-man timer when this code last passed at the exchange's demo venue."""
    steps = _newest_steps(engine, exchange, version) or []
    return any(step["name"] == DEAD_MAN and step["passed"] for step in steps)


def _newest_steps(engine: Engine, exchange: str, version: str) -> list[dict[str, Any]] | None:
    """Read the steps of the newest record that passed at the demo venue; None without one."""
    columns = certificates.c
    query = select(columns.steps).where(
        columns.exchange == exchange, columns.place == DEMO, columns.version == version, columns.passed
    )
    with transaction(engine) as connection:
        found = connection.execute(query.order_by(columns.id.desc()).limit(1)).scalar_one_or_none()
    return None if found is None else list(found)
