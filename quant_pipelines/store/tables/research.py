"""Schema ``research``: strategies, searches and their verdicts."""

from typing import Literal, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from quant_pipelines.core.verdict_decisions import VerdictDecision
from quant_pipelines.store.tables.base import document, identity, metadata, moment, one_of, text

TaskStatus: TypeAlias = Literal["pending", "running", "done", "failed"]
RequestKind: TypeAlias = Literal["performance", "whitelist"]
RequestStatus: TypeAlias = Literal["open", "done", "failed"]

strategies = Table(
    "strategies",
    metadata,
    text("name", primary_key=True),
    text("description"),
    moment("created_at"),
    schema="research",
    comment="Strategy families",
)

strategy_versions = Table(
    "strategy_versions",
    metadata,
    identity(),
    text("strategy"),
    text("content_hash", comment="hash of the plugin's source"),
    text("kernel_digest", comment="digest of the compiled sources it was judged with"),
    text("source", comment="the plugin's source, so that an open position can keep its version"),
    document("parameters", comment="declared search space: name -> kind, default, low, high"),
    moment("created_at"),
    UniqueConstraint("strategy", "content_hash", "kernel_digest"),
    schema="research",
    comment="Contents of a strategy's file, as judged and as traded",
)

strategy_trials = Table(
    "strategy_trials",
    metadata,
    text("name"),
    text("content_hash"),
    text("kernel_digest", comment="digest of the compiled sources it was tried with"),
    text("source"),
    Column("passed", Boolean, nullable=False),
    Column(
        "symbols",
        Integer,
        nullable=True,
        comment="how many it trades together, 0 any number from 2 up; null where its text does not load",
    ),
    document("checks", comment="list of check and fault; an empty fault is a pass"),
    Column("seconds", Double, nullable=False),
    moment("tried_at"),
    PrimaryKeyConstraint("name", "content_hash", "kernel_digest"),
    schema="research",
    comment="Texts of strategies that were put through the contract in a process of their own",
)

strategy_library = Table(
    "strategy_library",
    metadata,
    text("name", primary_key=True),
    text(
        "content_hash",
        nullable=True,
        comment="version in force: the newest text that passed; null when none did",
    ),
    text("file_hash", nullable=True, comment="version that stands in the folder; null when the file is gone"),
    text("fault", comment="why the file is not in force; empty when it is"),
    moment("changed_at"),
    schema="research",
    comment="The text of each strategy that research uses",
)

records = Table(
    "records",
    metadata,
    identity(),
    text("record_key", unique=True, comment="digest of everything that decides a day"),
    moment("begun_at"),
    schema="research",
    comment="What one procedure did out of sample: one text, space, search, calendar and costs on one market",
)

searched_units = Table(
    "searched_units",
    metadata,
    text("strategy"),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    Column("depth", Integer, nullable=False, comment="times as many trials as the settings ask for"),
    moment("window_end", comment="of the newest search that was begun; it may have failed"),
    moment("searched_at"),
    PrimaryKeyConstraint("strategy", "exchange", "symbol", "timeframe", "depth"),
    schema="research",
    comment="When each strategy was searched last on each symbol and timeframe: the oldest come first",
)

optimizer_tasks = Table(
    "optimizer_tasks",
    metadata,
    identity(),
    text(
        "task_key",
        unique=True,
        comment="digest of everything that decides the result: same key, same work",
    ),
    Column(
        "strategy_version_id",
        BigInteger,
        ForeignKey("research.strategy_versions.id"),
        nullable=False,
    ),
    Column("record_id", BigInteger, ForeignKey("research.records.id"), nullable=False, index=True),
    text("strategy"),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    text("searcher"),
    text("objective"),
    Column("seed", BigInteger, nullable=False),
    moment("window_start"),
    moment("window_end"),
    document("settings"),
    text("trigger", comment="why it was started: first start, daily, operator, command line"),
    text("status"),
    text("error", nullable=True),
    moment("created_at"),
    moment("finished_at", nullable=True),
    CheckConstraint(one_of("status", TaskStatus), name="status"),
    schema="research",
    comment="One walk-forward of one strategy on one symbol and timeframe",
)

folds = Table(
    "folds",
    metadata,
    Column("record_id", BigInteger, ForeignKey("research.records.id"), nullable=False),
    Column("fold", Integer, nullable=False),
    moment("train_start"),
    moment("train_end"),
    moment("test_start"),
    document("parameters", comment="best in-sample parameters"),
    document("train_metrics"),
    Column(
        "train_returns",
        ARRAY(Double),
        nullable=False,
        comment="daily returns of the best parameters in the train window",
    ),
    PrimaryKeyConstraint("record_id", "fold"),
    schema="research",
    comment="What was found in-sample; a fold is fitted once",
)

trials = Table(
    "trials",
    metadata,
    Column("record_id", BigInteger, ForeignKey("research.records.id"), nullable=False),
    Column("fold", Integer, nullable=False),
    Column("trial", Integer, nullable=False),
    document("parameters"),
    Column("objective", Double, nullable=True),
    Column("drawdown", Double, nullable=True, comment="deepest fall in-sample by days, positive fraction"),
    PrimaryKeyConstraint("record_id", "fold", "trial"),
    schema="research",
    comment="Every parameter set that was tried in-sample",
)

record_days = Table(
    "record_days",
    metadata,
    Column("record_id", BigInteger, ForeignKey("research.records.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("fold", Integer, nullable=False),
    Column("daily_return", Double, nullable=False),
    Column(
        "is_warm",
        Boolean,
        nullable=False,
        comment="whether the strategy had enough bars before the fold",
    ),
    Column("cover", ARRAY(Double), nullable=False, comment="returns of the fixed Sobol points on this day"),
    document("trades", comment="round trips that ended on this day"),
    document(
        "carried",
        nullable=True,
        comment="how the account stands after this day, for the next one; null within a run, and where flat",
    ),
    moment("computed_at"),
    Column(
        "exposure",
        Double,
        comment="signed notional over equity, mean over the day's bars; null where it is not known",
    ),
    Column(
        "holding_return",
        Double,
        comment="what a long unit of notional earned on this day after funding; null where it is not known",
    ),
    Column(
        "is_listed",
        Boolean,
        nullable=False,
        server_default=sql("true"),
        comment="whether the symbol was on the list when the day began: other days count for the search, "
        "not for the test",
    ),
    Column(
        "return_until_0800",
        Double,
        comment="earned from the start of the day to 08:00 UTC; null where it is not known",
    ),
    PrimaryKeyConstraint("record_id", "day"),
    schema="research",
    comment="Out-of-sample days; a row never changes and never goes",
)

verdicts = Table(
    "verdicts",
    metadata,
    identity(),
    Column(
        "task_id",
        BigInteger,
        ForeignKey("research.optimizer_tasks.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column(
        "strategy_version_id",
        BigInteger,
        ForeignKey("research.strategy_versions.id"),
        nullable=False,
    ),
    text("strategy"),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    document("parameters", comment="found by the newest fold: what would be deployed"),
    document("in_sample"),
    document("out_of_sample"),
    document("gates", comment="list of name, value, threshold, passed, gate (paper or capital), detail"),
    Column("paper_passed", Boolean, nullable=False),
    Column("capital_passed", Boolean, nullable=False),
    text(
        "decision",
        comment="candidate until the paper screen has decided: then admitted or rejected",
    ),
    document("reasons", comment="one sentence for each gate that failed"),
    moment("created_at"),
    moment("decided_at", nullable=True),
    moment(
        "reinstated_at",
        nullable=True,
        comment="when a person went back to it; it then stands before the verdicts of until then",
    ),
    CheckConstraint(one_of("decision", VerdictDecision), name="decision"),
    schema="research",
    comment="What a walk-forward proved, gate by gate",
)

backtests = Table(
    "backtests",
    metadata,
    identity(),
    text("backtest_key", unique=True, comment="digest of everything that was asked: same key, same row"),
    text("strategy"),
    text("content_hash"),
    text("kernel_digest"),
    text("exchange"),
    text("symbol", comment="or the name of an instrument set"),
    text("timeframe"),
    document("parameters"),
    document("settings", comment="rules, stops, funding and the window that was asked for"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("capital", Double, nullable=False),
    Column("final_equity", Double, nullable=False),
    Column("trades", Integer, nullable=False),
    document("metrics"),
    Column("daily_returns", ARRAY(Double), nullable=False),
    moment("run_at", comment="when it last ran"),
    schema="research",
    comment="Backtests that were run on stored market data",
)

combinatorial_studies = Table(
    "combinatorial_studies",
    metadata,
    identity(),
    text("study_key", unique=True, comment="digest of everything that decides the paths"),
    Column(
        "strategy_version_id",
        BigInteger,
        ForeignKey("research.strategy_versions.id"),
        nullable=False,
    ),
    text("strategy"),
    text("exchange"),
    text("symbol"),
    text("timeframe"),
    moment("window_start"),
    moment("window_end"),
    document("settings"),
    document(
        "result",
        nullable=True,
        comment="figures, daily returns of each path, and what each split found; null until all splits "
        "have run",
    ),
    moment("created_at"),
    schema="research",
    comment="Many paths through one history: no record, no verdict and no decision rests on them",
)

combinatorial_splits = Table(
    "combinatorial_splits",
    metadata,
    Column("study_id", BigInteger, ForeignKey("research.combinatorial_studies.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="in the order of the splits, from 0"),
    document("parameters", nullable=True, comment="best on its train days; null where none could be ranked"),
    Column("trials", Integer, nullable=False),
    Column("purge_days", Integer, nullable=False),
    document("returns", comment="daily returns in each tested group, fractions"),
    PrimaryKeyConstraint("study_id", "number"),
    schema="research",
    comment="What a split of a combinatorial study found, as soon as it has run",
)

optimization_requests = Table(
    "optimization_requests",
    metadata,
    identity(),
    text("kind", comment="performance (a trigger fired) or whitelist (a symbol was approved)"),
    Column("deployment_id", BigInteger, nullable=True, comment="whose trigger fired"),
    text("strategy", nullable=True, comment="null asks for every strategy"),
    text("exchange"),
    text("symbol"),
    text("timeframe", nullable=True, comment="null asks for every timeframe"),
    document("evidence", comment="what was measured, and which thresholds it crossed"),
    text("status"),
    moment("created_at"),
    moment("closed_at", nullable=True),
    CheckConstraint(one_of("kind", RequestKind), name="kind"),
    CheckConstraint(one_of("status", RequestStatus), name="status"),
    Index(
        "uq_optimization_requests_open_deployment",
        "deployment_id",
        unique=True,
        postgresql_where=sql("status = 'open'"),
    ),
    Index(
        "uq_optimization_requests_open_symbol",
        "exchange",
        "symbol",
        unique=True,
        postgresql_where=sql("status = 'open' and kind = 'whitelist'"),
    ),
    schema="research",
    comment="Optimizations that something asked for; a sensor runs them",
)
