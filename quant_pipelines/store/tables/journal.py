"""Schema ``trading``: what the runner saw, and what it began and ended a day with."""

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Integer, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.postgresql import JSONB

from quant_pipelines.store.tables.base import document, metadata, moment

equity = Table(
    "equity",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    moment("ts", comment="close of the execution bar"),
    Column("cash", Double, nullable=False),
    Column("position", Double, nullable=False),
    Column("price", Double, nullable=False, comment="close of the bar, quote per base"),
    Column("equity", Double, nullable=False),
    Column("open", Double, comment="of the bar as the runner had it; null of one before that was kept"),
    Column("high", Double),
    Column("low", Double),
    Column("volume", Double, comment="base"),
    Column("mark", Double, comment="mark price at the open, where the book asked for it"),
    Column(
        "slots",
        JSONB(none_as_null=True),
        comment="its funding slots: time in ms, rate, mark price, last price; null for none",
    ),
    moment("booked_at", nullable=True, comment="when the bar had arrived and was booked"),
    Column("stop_price", Double, comment="level of the tightest stop from then on; null where none stands"),
    PrimaryKeyConstraint("deployment_id", "ts"),
    schema="trading",
    comment="Equity of each deployment at every execution bar's close, and the bar as it was seen",
)

equity_days = Table(
    "equity_days",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    Column(
        "day", Date, nullable=False, comment="UTC; a bar that closes at midnight belongs to the day before"
    ),
    moment("bar_close", nullable=True, comment="close of its last bar; null of a set"),
    Column("equity", Double, comment="at that close, quote; null of a set"),
    Column("bars", Integer, nullable=False, comment="closes; of a set, those of any leg, each counted once"),
    Column("bars_held", Integer, nullable=False, comment="those of them with a position"),
    PrimaryKeyConstraint("deployment_id", "day"),
    schema="trading",
    comment="UTC days of each book that are over, kept by a trigger at the first bar of a later day; "
    "of a set, how many bars its legs had",
)

book_openings = Table(
    "book_openings",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    Column("day", Date, nullable=False, comment="UTC"),
    moment("bar_close", comment="close of the last bar in the state, at midnight or before"),
    document("state", comment="as in checkpoints"),
    PrimaryKeyConstraint("deployment_id", "day"),
    schema="trading",
    comment="State that each book began a day with, kept by a trigger at the first booking of the day",
)
