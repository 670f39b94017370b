"""Records of what was tried at exchanges before real orders; they are never changed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import certificates
from quant_pipelines.trading.certificate import Proof, has_passed

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
    """Whether a person has approved real orders of a deployment, and whether this code is certified."""

    is_approved: bool = False
    is_certified: bool = False


def save_certificate(connection: Connection, certificate: Certificate) -> int:
    """Store a record in the caller's transaction; returns its id."""
    row = certificate._asdict()
    row |= {"steps": [step._asdict() for step in certificate.steps], "passed": has_passed(certificate.steps)}
    return int(connection.execute(insert(certificates).values(row).returning(certificates.c.id)).scalar_one())


def is_certified(engine: Engine, exchange: str, version: str) -> bool:
    """Whether this code has passed at the exchange's demo venue."""
    columns = certificates.c
    query = select(columns.id).where(
        columns.exchange == exchange, columns.place == DEMO, columns.version == version, columns.passed
    )
    with transaction(engine) as connection:
        return connection.execute(query.limit(1)).one_or_none() is not None
