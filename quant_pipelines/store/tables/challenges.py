"""Schema ``trading``: new parameters or versions that were tried for the place of what trades."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Table

from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, text

challenges = Table(
    "challenges",
    metadata,
    identity(),
    Column("incumbent_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False, index=True),
    Column(
        *("first_id", BigInteger, ForeignKey("trading.deployments.id")),
        nullable=False,
        unique=True,
        comment="challenger on paper",
    ),
    Column(
        *("canary_id", BigInteger, ForeignKey("trading.deployments.id")),
        unique=True,
        comment="challenger at the venue",
    ),
    text("kind", comment="parameters (of the same version) or version"),
    money("capital", comment="quote: what the incumbent had, and gets back"),
    document("checks", comment="risk validation: name and fault, empty where it passed"),
    document("bands", nullable=True, comment="fixed before it started; null where its record promises none"),
    moment("opened_at"),
    moment("ended_at", nullable=True),
    text("outcome", nullable=True),
    text("reason", nullable=True),
    document("numbers", nullable=True, comment="what the end was decided on"),
    CheckConstraint("kind in ('parameters', 'version')", name="kind"),
    CheckConstraint("outcome in ('replaced', 'rolled_back')", name="outcome"),
    CheckConstraint("(ended_at is null) = (outcome is null)", name="end"),
    schema="trading",
    comment="Challengers of what trades, from the verdict to the end",
)
