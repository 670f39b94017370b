"""Schema ``research``: what searches are made of while they run."""

from typing import Literal, TypeAlias

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from quant_pipelines.store.tables.base import document, metadata, moment, one_of, text

UnitStatus: TypeAlias = Literal["waiting", "leased", "done"]

search_rounds = Table(
    "search_rounds",
    metadata,
    text("id", primary_key=True, comment="drawn, so that no other database has the same"),
    text("product_version"),
    text("kernel_digest"),
    text("schema_revision", comment="workers of another release are refused: none of the four may differ"),
    Column("libraries", ARRAY(Text), nullable=False, comment="name and version of what is computed with"),
    Column("worker_megabytes", Integer, nullable=False),
    Column("job_minutes", Double, nullable=False),
    Column("lease_seconds", Double, nullable=False, comment="of a lease that is not beaten"),
    moment("begin_until", comment="later no unit is begun"),
    moment("asked_until", comment="nor is one once nobody waits for it: whoever asked beats on"),
    moment("opened_at"),
    schema="research",
    comment="Searches that were asked for together",
)

search_units = Table(
    "search_units",
    metadata,
    Column(
        "round_id",
        Text,
        ForeignKey("research.search_rounds.id", ondelete="CASCADE"),
        nullable=False,
    ),
    text("unit_key", comment="digest of what decides its result: same key, same work"),
    text("job_key", comment="units of one walk-forward have one"),
    Column("number", Integer, nullable=False, comment="they are begun in this order"),
    Column("part", Integer, nullable=True, comment="share of the folds to fit; null: the whole, at last"),
    document("work", comment="job, the version of the text to judge, and how many parts there are"),
    text("status"),
    text("worker", nullable=True, comment="who holds the lease, or held it last"),
    moment("leased_until", nullable=True, comment="unless the worker beats on"),
    Column("leases", Integer, nullable=False),
    moment("begun_at", nullable=True),
    moment("busy_since", nullable=True, comment="so long each worker has found another process at it"),
    text("answer", nullable=True, comment="JSON document; NaN may stand in it"),
    PrimaryKeyConstraint("round_id", "unit_key"),
    CheckConstraint(one_of("status", UnitStatus), name="status"),
    schema="research",
    comment="Pieces of work that workers lease; what they find is stored under the keys of research",
)
