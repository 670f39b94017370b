"""Schema ``trading``: what was traded in whose place, and what is to stay as it is."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table
from sqlalchemy import text as sql

from quant_pipelines.store.tables.base import document, identity, metadata, moment, text

version_changes = Table(
    "version_changes",
    metadata,
    identity(),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False, index=True),
    Column(
        *("to_deployment_id", BigInteger, ForeignKey("trading.deployments.id")),
        nullable=False,
        index=True,
        comment="who trades from then on: itself, where its book goes on",
    ),
    moment("at"),
    text("source", comment="challenge, or rollback: a person went back to what was traded before"),
    Column("from_version_id", BigInteger, ForeignKey("research.strategy_versions.id"), nullable=False),
    document("from_parameters"),
    Column("from_verdict_id", BigInteger, ForeignKey("research.verdicts.id"), nullable=True),
    Column("to_version_id", BigInteger, ForeignKey("research.strategy_versions.id"), nullable=False),
    document("to_parameters"),
    Column("to_verdict_id", BigInteger, ForeignKey("research.verdicts.id"), nullable=True),
    text("actor"),
    text("reason"),
    CheckConstraint("source in ('challenge', 'rollback')", name="source"),
    schema="trading",
    comment="Changes of the version or the parameters that trade a unit; rows stay as they are",
)

pins = Table(
    "pins",
    metadata,
    identity(),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    moment("at"),
    text("actor"),
    text("reason"),
    moment("ended_at", nullable=True),
    text("ended_by", nullable=True),
    CheckConstraint("(ended_at is null) = (ended_by is null)", name="end"),
    Index("uq_pins_standing", "deployment_id", unique=True, postgresql_where=sql("ended_at is null")),
    schema="trading",
    comment="Deployments that keep their version and parameters until somebody lets them go",
)
