"""Schema ``trading``: capital that deployments are meant to have."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table

from quant_pipelines.store.tables.base import identity, metadata, moment, money, text

capital_changes = Table(
    "capital_changes",
    metadata,
    identity(),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    moment("at"),
    money("capital", comment="quote, from then on; the newest row holds"),
    money("capital_before", comment="quote, until then"),
    text("actor"),
    text("reason"),
    text("source", comment="allocation, challenger, operator"),
    CheckConstraint("capital >= 0", name="capital"),
    Index("ix_capital_changes_newest", "deployment_id", "id"),
    schema="trading",
    comment="Changes of the capital of deployments; rows stay as they are",
)
