"""Schema ``trading``: days of deployments beside their replays."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
)
from sqlalchemy import text as sql

from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, text

parity_days = Table(
    "parity_days",
    metadata,
    identity(),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    Column("day", Date, nullable=False, comment="UTC"),
    text("kernel_digest", comment="of the compiled sources that replayed it"),
    text("verdict", comment="equal, explained, unexplained, decided otherwise, not replayed, not replayable"),
    text("reason", comment="why it was not replayed, or what is wrong; empty when nothing is"),
    money("actual", nullable=True, comment="what fills and payments brought by the end of the day, quote"),
    money("replayed", nullable=True, comment="the same of the replay"),
    money("rest", nullable=True, comment="what no cause explains, quote"),
    money("allowed", nullable=True, comment="most of the rest that is no fault, quote"),
    Column("n_fills", Integer, nullable=False),
    Column("n_replayed", Integer, nullable=False),
    Column("to_the_bit", Boolean, nullable=False, comment="whether the equity of each bar was the replay's"),
    document("another", comment="decisions that came out otherwise: close, runner, replay"),
    moment("compared_at"),
    Index(
        "uq_parity_days_day",
        *("deployment_id", "day", "kernel_digest", sql("(verdict = 'not replayed')")),
        unique=True,
    ),
    schema="trading",
    comment="Each day of a deployment beside its replay; a row never changes and never goes",
)

parity_causes = Table(
    "parity_causes",
    metadata,
    Column("parity_day_id", BigInteger, ForeignKey("trading.parity_days.id"), nullable=False),
    text("cause"),
    money("amount", comment="what the runner earned more by it, quote"),
    PrimaryKeyConstraint("parity_day_id", "cause"),
    schema="trading",
    comment="What explains the difference of a day; with the rest they sum to it exactly",
)
