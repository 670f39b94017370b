"""Schema ``market``: what the exchange said, and what we think of it."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Double,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)

from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, text

instruments = Table(
    "instruments",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("valid_from"),
    money("tick_size"),
    money("lot_size"),
    money("min_notional"),
    money("maker_fee"),
    money("taker_fee"),
    Column("max_leverage", Integer, nullable=False),
    Column("funding_interval_hours", Integer, nullable=False),
    PrimaryKeyConstraint("exchange", "symbol", "valid_from"),
    schema="market",
    comment="Contract specifications as of a date; a new row only when something changed",
)

bars = Table(
    "bars",
    metadata,
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    moment("ts"),
    Column("open", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("close", Double, nullable=False),
    Column("volume", Double, nullable=False),
    Column("quote_volume", Double, nullable=False),
    Column("trades", BigInteger, nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "timeframe", "ts"),
    schema="market",
    postgresql_partition_by="RANGE (ts)",
    comment="Closed bars, labelled by their open time; partitioned by month",
)

funding_rates = Table(
    "funding_rates",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    Column("rate", Double, nullable=False),
    Column("mark_price", Double, nullable=True),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    schema="market",
    comment="Funding paid at ts (floored to its slot): fraction of notional, positive when longs pay",
)

open_interest = Table(
    "open_interest",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    Column("open_interest", Double, nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    schema="market",
    comment="Open contracts in base units",
)

data_findings = Table(
    "data_findings",
    metadata,
    identity(),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    Column("day", Date, nullable=False),
    text("check_name"),
    text("severity", comment="warning or block"),
    Column("count", Integer, nullable=False),
    document("detail"),
    moment("found_at"),
    moment("resolved_at", nullable=True),
    UniqueConstraint("exchange", "symbol", "timeframe", "day", "check_name"),
    schema="market",
    comment="Faults that the quality checks found; resolved_at is null while a fault stands",
)

hotlist = Table(
    "hotlist",
    metadata,
    moment("scored_at"),
    text("exchange"),
    text("symbol"),
    Column("score", Double, nullable=False),
    Column("rank", Integer, nullable=False),
    document("factors", comment="factor name -> raw value, robust z, weight, contribution"),
    document("flags", comment="missing factors and other remarks"),
    document("labels", comment="risk labels: volatility band, safe leverage, market mood"),
    PrimaryKeyConstraint("scored_at", "exchange", "symbol"),
    schema="market",
    comment="Hot scores of the whole universe, kept as of each scan",
)

universe = Table(
    "universe",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("added_at"),
    PrimaryKeyConstraint("exchange", "symbol"),
    schema="market",
    comment="Symbols that are scanned and scored",
)

whitelist = Table(
    "whitelist",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("added_at"),
    text("added_by"),
    text("reason", server_default=sql("''")),
    PrimaryKeyConstraint("exchange", "symbol"),
    schema="market",
    comment="Symbols that are optimized and traded",
)

fetched_days = Table(
    "fetched_days",
    metadata,
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    Column("day", Date, nullable=False),
    Column(
        "bars",
        Integer,
        nullable=False,
        comment="bars stored afterwards",
    ),
    moment("fetched_at", comment="when the exchange was asked"),
    PrimaryKeyConstraint("exchange", "symbol", "timeframe", "day"),
    schema="market",
    comment="UTC days that the exchange was asked for; a backfill skips those that were over by then",
)
