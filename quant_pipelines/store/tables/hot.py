"""Schema ``market``: what the hot score rests on, and how useful it has been."""

from typing import Literal, TypeAlias

from sqlalchemy import CheckConstraint, Column, Double, Index, Integer, PrimaryKeyConstraint, Table

from quant_pipelines.core.ranking_claims import Claim, Target
from quant_pipelines.store.tables.base import identity, metadata, moment, one_of, text

WeightCause: TypeAlias = Literal["person", "measured"]

circulating_supplies = Table(
    "circulating_supplies",
    metadata,
    text("exchange"),
    text("symbol"),
    moment("recorded_at", comment="since when it is known here"),
    Column("supply", Double, nullable=False, comment="coins in circulation, base units of the contract"),
    text("source", comment="where the number is from, in words"),
    text("recorded_by"),
    PrimaryKeyConstraint("exchange", "symbol", "recorded_at"),
    CheckConstraint("supply > 0 and supply < 'infinity'", name="supply"),
    schema="market",
    comment="Coins in circulation as people record them; a coin without a row has no market cap",
)

hot_exclusions = Table(
    "hot_exclusions",
    metadata,
    moment("scored_at"),
    text("exchange"),
    text("symbol"),
    text("filter"),
    text("sentence", comment="what was seen, and what was expected"),
    PrimaryKeyConstraint("scored_at", "exchange", "symbol", "filter"),
    schema="market",
    comment="Symbols of the universe that a filter left out of a scan",
)

hot_weights = Table(
    "hot_weights",
    metadata,
    identity(),
    text("exchange"),
    text("factor"),
    Column("weight", Double, nullable=False),
    text("cause", comment="person, or measured (moved by its usefulness, within bounds around a person's)"),
    text("actor"),
    text("reason", comment="one sentence"),
    moment("made_at"),
    CheckConstraint(one_of("cause", WeightCause), name="cause"),
    CheckConstraint("weight between 0 and 1000", name="weight"),
    Index(None, "exchange", "factor", "id"),
    schema="market",
    comment="Weights of the hot score: of each factor the newest row is in force; rows stay as they are",
)

hot_usefulness = Table(
    "hot_usefulness",
    metadata,
    text("exchange"),
    moment("measured_at"),
    text("ranking", comment="score, or the name of a factor"),
    text("target", comment="return, or size (without the sign)"),
    Column("horizon_hours", Integer, nullable=False),
    Column("hours", Integer, nullable=False, comment="scans whose returns are known"),
    Column("blocks", Integer, nullable=False, comment="stretches of time that hardly share a return"),
    Column("coefficient", Double, comment="mean rank correlation; null without any"),
    Column("low", Double, comment="of its interval; null where there are too few blocks"),
    Column("high", Double),
    Column("shuffled_low", Double, comment="2.5th percentile of shuffled rankings; null where not shuffled"),
    Column("shuffled_high", Double),
    Column("p_value", Double, comment="share of shuffled rankings that are as far from 0"),
    text("claim", comment="useful, misleading, none, or too_few blocks for any"),
    PrimaryKeyConstraint("exchange", "measured_at", "ranking", "target", "horizon_hours"),
    CheckConstraint(one_of("target", Target), name="target"),
    CheckConstraint(one_of("claim", Claim), name="claim"),
    schema="market",
    comment="How rankings of past hours went with what came after them; rows stay as they are",
)
