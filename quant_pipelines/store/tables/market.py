"""Schema ``market``: what the exchange said, and what we think of it."""

from typing import Literal, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import (
    text as sql,
)

from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, one_of, text

Confirmation: TypeAlias = Literal["missing", "as_stored"]
RevisionCause: TypeAlias = Literal["venue", "repair"]
"""It answered differently later, or we stored it wrong."""

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

venue_limits = Table(
    "venue_limits",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("valid_from"),
    document(
        "limits",
        comment="steps, smallest and largest orders, leverage, brackets; amounts as text",
    ),
    PrimaryKeyConstraint("exchange", "symbol", "valid_from"),
    schema="market",
    comment="What a venue takes of a symbol as of a time; a new row only when something changed",
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

bar_versions = Table(
    "bar_versions",
    metadata,
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    Column("month", Date, nullable=False, comment="first day of the UTC month"),
    Column("version", Uuid, nullable=False, comment="random, so that a restored database never repeats one"),
    PrimaryKeyConstraint("exchange", "symbol", "timeframe", "month"),
    schema="market",
    comment="A new version for every transaction that changed bars of a series in a month; "
    "the column cache compares it",
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

regimes = Table(
    "regimes",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts", comment="end of an hour"),
    Column("turbulence", Double, nullable=False, comment="probability of the turbulent regime"),
    Column("trend", Double, nullable=False, comment="probability of rising minus that of falling"),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    CheckConstraint("turbulence between 0 and 1 and trend between -1 and 1", name="probable"),
    schema="market",
    comment="Regime of each symbol, filtered hour by hour; what was told is never told otherwise afterwards",
)

mark_prices = Table(
    "mark_prices",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    Column("price", Double, nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    schema="market",
    comment="Mark price at ts, on the grid that is ingested (market.mark_timeframe)",
)

index_prices = Table(
    "index_prices",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    Column("price", Double, nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    schema="market",
    comment="Index price at ts, on the same grid as mark prices",
)

trades = Table(
    "trades",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    text("trade_id"),
    Column("price", Double, nullable=False),
    Column("quantity", Double, nullable=False),
    Column("is_buyer_maker", Boolean, nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts", "trade_id"),
    schema="market",
    postgresql_partition_by="RANGE (ts)",
    comment="Public trades, base units; partitioned by month",
)

book_snapshots = Table(
    "book_snapshots",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts"),
    Column("bid_prices", ARRAY(Double), nullable=False),
    Column("bid_quantities", ARRAY(Double), nullable=False),
    Column("ask_prices", ARRAY(Double), nullable=False),
    Column("ask_quantities", ARRAY(Double), nullable=False),
    moment("available_at"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    schema="market",
    postgresql_partition_by="RANGE (ts)",
    comment="Order books at ts, best first, base units; partitioned by month",
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
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=sql("0"),
        comment="repairs that were tried without success",
    ),
    text("resolution", nullable=True, comment="gone, repaired, never existed, or confirmed"),
    moment(
        "accepted_at",
        nullable=True,
        comment="when a person said that the values are right: it blocks no more",
    ),
    UniqueConstraint("exchange", "symbol", "timeframe", "day", "check_name"),
    schema="market",
    comment="Faults that the quality checks found; resolved_at is null while a fault stands",
)

bar_confirmations = Table(
    "bar_confirmations",
    metadata,
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    moment("ts"),
    text("kind", comment="missing (the bar never existed) or as_stored (the bar is odd, and true)"),
    moment("confirmed_at"),
    PrimaryKeyConstraint("exchange", "symbol", "timeframe", "ts"),
    CheckConstraint(one_of("kind", Confirmation), name="kind"),
    schema="market",
    comment="What the exchange confirmed when it was asked again: known faults are not reported again",
)

price_factors = Table(
    "price_factors",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("ts", comment="open time of the first bar of the new scale"),
    Column("factor", Double, nullable=False),
    moment("recorded_at"),
    text("recorded_by"),
    PrimaryKeyConstraint("exchange", "symbol", "ts"),
    CheckConstraint("factor > 0 and factor < 'infinity'", name="factor"),
    schema="market",
    comment=("Redenominations and splits: from ts on a price is factor times that of the same coin before"),
)

bar_revisions = Table(
    "bar_revisions",
    metadata,
    identity(),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    moment("ts", comment="open time of the bar"),
    text("cause", comment="venue (it answered differently later) or repair (we stored it wrong)"),
    document("old"),
    document("new"),
    moment("revised_at", server_default=sql("now()")),
    CheckConstraint(one_of("cause", RevisionCause), name="cause"),
    Index(None, "exchange", "symbol", "timeframe", "ts"),
    schema="market",
    comment="Prices and volumes of closed bars that changed, before and after",
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
    comment="Hot scores of what the filters leave of the universe, as of each scan; they never change",
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
    moment("leaving_since", nullable=True, comment="when a person took it off; it goes once it is flat"),
    text("leaving_by", nullable=True),
    text("leaving_reason", nullable=True),
    PrimaryKeyConstraint("exchange", "symbol"),
    CheckConstraint(
        "num_nulls(leaving_since, leaving_by, leaving_reason) in (0, 3)",
        name="leaving",
    ),
    schema="market",
    comment="Symbols that are optimized and traded",
)

whitelist_exits = Table(
    "whitelist_exits",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("left_at"),
    text("left_by"),
    text("reason"),
    PrimaryKeyConstraint("exchange", "symbol", "left_at"),
    schema="market",
    comment="Symbols that a person took off the whitelist, once nothing traded them any more",
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

imported_files = Table(
    "imported_files",
    metadata,
    text("exchange"),
    text("symbol"),
    text("kind", comment="bars, funding or open_interest"),
    text("timeframe", comment="of bars; empty for the others"),
    text("checksum", comment="SHA-256 of the file"),
    text("file", comment="its name"),
    text("layout", comment="by which its columns were read"),
    Column("rows", Integer, nullable=False),
    moment("first", comment="time of its first row"),
    moment("last", comment="time of its last row"),
    moment("imported_at"),
    PrimaryKeyConstraint("exchange", "symbol", "kind", "timeframe", "checksum"),
    schema="market",
    comment="Files whose rows were brought in: what a stored row came from",
)
