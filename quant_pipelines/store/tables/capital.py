"""Schema ``research``: looks of the capital decision at all records."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from quant_pipelines.store.tables.base import document, identity, metadata, moment, text

capital_looks = Table(
    "capital_looks",
    metadata,
    identity(),
    text("exchange"),
    Column("year", Integer, nullable=False, comment="calendar year, UTC, whose error it spends"),
    Column("look_day", Date, nullable=False, comment="last UTC day that it saw"),
    Column(
        "first_day",
        Date,
        nullable=False,
        comment="first day of its matrix, fixed by the year's first look",
    ),
    Column("n_days", Integer, nullable=False),
    document("terms", comment="alpha, spending, paths and the rest, fixed by the year's first look"),
    Column("family_size", Integer, nullable=False, comment="records that were asked"),
    Column("pools", Integer, nullable=False),
    Column(
        "block",
        Integer,
        nullable=False,
        comment="days of a resampled block of the pools, fixed by the year's first look",
    ),
    Column("symbol_block", Integer, nullable=False, comment="the same of the members inside the pools"),
    Column("alpha_spent", Double, nullable=False, comment="error that was spent by then, of the year's"),
    Column(
        "critical",
        Double,
        comment="lowest critical value of a pool; null where nothing may be spent yet or nobody is tested",
    ),
    Column("spa_p", Double, nullable=False, comment="Hansen's p value of the best of all members"),
    moment("created_at"),
    text(
        "decision_digest",
        nullable=True,
        comment="of the sources and libraries that decided; null of looks that were taken before it was kept",
    ),
    UniqueConstraint("exchange", "year", "n_days"),
    UniqueConstraint("exchange", "look_day"),
    CheckConstraint(
        "n_days = look_day - first_day + 1 and n_days > 0 and year = extract(year from look_day)", name="days"
    ),
    schema="research",
    comment="Looks of the capital decision; a row never changes and never goes",
)

capital_results = Table(
    "capital_results",
    metadata,
    Column("look_id", BigInteger, ForeignKey("research.capital_looks.id"), nullable=False),
    Column("record_id", BigInteger, ForeignKey("research.records.id"), nullable=False, index=True),
    text("strategy"),
    text("timeframe"),
    text("symbol"),
    text("pool", comment="strategy, timeframe and version whose records are asked together first"),
    Column(
        "member_id",
        BigInteger,
        nullable=False,
        comment="lowest record of those that are one member with it: itself, or near-twins",
    ),
    Column(
        "first_day",
        Date,
        nullable=False,
        comment="first day of the record that counts in this year",
    ),
    Column(
        "is_beyond_tested",
        Boolean,
        nullable=False,
        comment="whether it was also asked if it beats holding its own average exposure",
    ),
    Column("passed", Boolean, nullable=False),
    Column("pool_passed", Boolean, nullable=False),
    text("decision"),
    text("decided_by"),
    Column("statistic", Double, comment="mean over its standard error; null where it was not tested"),
    Column("critical", Double),
    Column("more_days", Integer),
    Column("fewest_more_days", Integer),
    Column("most_more_days", Integer),
    Column("sharpe", Double),
    Column("sharpe_low", Double),
    Column("sharpe_high", Double),
    Column(
        "last_day",
        Date,
        comment="last of its days that the look saw; null where it reached the day of the look",
    ),
    PrimaryKeyConstraint("look_id", "record_id"),
    # The words are those of ``CapitalDecision``, whose package would bring a compiler into every process.
    CheckConstraint("decision in ('passed', 'refused', 'undecided')", name="decision"),
    CheckConstraint("passed = (decision = 'passed')", name="passed"),
    schema="research",
    comment="What a look said of a record; a row never changes and never goes",
)

acknowledged_looks = Table(
    "acknowledged_looks",
    metadata,
    identity(),
    text("exchange"),
    Column(
        "look_day",
        Date,
        nullable=False,
        comment="newest look then: it and those before are replayed no more",
    ),
    Column(
        "alpha_spent",
        Double,
        nullable=False,
        comment="error that was spent by then, of the year's: the larger of what is stored and replayed",
    ),
    Column(
        "record_ids",
        ARRAY(BigInteger),
        nullable=False,
        comment="records of which another answer is stored: neither their days nor their passes up to the "
        "look count any more",
    ),
    text("difference", comment="first difference, in words"),
    text("actor"),
    text("reason"),
    moment("created_at"),
    UniqueConstraint("exchange", "look_day"),
    schema="research",
    comment="Replays that did not give what is stored, and who goes on in spite of it; a row never changes "
    "and never goes",
)
