"""Rows of the verbs that search and backtest: on the command line at once, elsewhere as a run of a job."""

from quant_pipelines.core.timeframes import TIMEFRAMES
from quant_pipelines.operations.verb import Choices, Field, Verb

_AS_SET = "AS_SET"
_FORM = (
    Field("strategies", "texts", "names of strategies, such as ema_cross; none: all", default=()),
    Field("symbols", "texts", "such as BTC/USDT:USDT; none: the whitelist", default=()),
    Field("timeframes", "texts", "such as 1h; none: those of the strategies", default=()),
    Field(
        "depth",
        "text",
        "DEEP for several times the trials",
        default="NORMAL",
        choices=Choices("Depth", ("NORMAL", "DEEP")),
    ),
    Field(
        "searcher",
        "text",
        "how parameters are searched; AS_SET: as the settings say",
        default=_AS_SET,
        choices=Choices("Searcher", (_AS_SET, "GRID", "SOBOL", "BAYES", "CMA", "GA", "NSGA2")),
    ),
    Field("objective", "text", "such as sharpe or psr; empty: the settings'", default=""),
    Field("trials", "number", "parameter sets of a fold; 0: the settings'", default=0),
    Field("folds", "number", "newest folds to run; 0: the settings'", default=0),
    Field("train_days", "number", "of each fold; 0: the settings'", default=0),
    Field("test_days", "number", "of each fold; 0: the settings'", default=0),
    Field("min_trades", "number", "of a set in a train window; 0: the settings'", default=0),
    Field("max_turnover", "value", "multiples of capital a year; 0: the settings'", default=0.0),
    Field("min_capacity", "value", "quote currency that a set must carry; 0: the settings'", default=0.0),
    Field(
        "capacity_participation",
        "value",
        "share of each bar's volume for that, such as 0.01; 0: the settings'",
        default=0.0,
    ),
    Field("space", "texts", "less of a parameter, such as fast=5:20 or slow=90; none: all", default=()),
)
_BACKTEST_FORM = (
    Field("strategy", "text", "name of a strategy, such as ema_cross"),
    Field("symbols", "texts", "such as BTC/USDT:USDT; several share one account"),
    Field(
        "timeframe",
        "text",
        "of the bars that it decides on",
        default="1h",
        choices=Choices("Timeframe", tuple(TIMEFRAMES)),
    ),
    Field("start", "text", "first time, UTC, such as 2024-01-31; empty: all there is", default=""),
    Field("end", "text", "end, UTC, exclusive; empty: all there is", default=""),
    Field("parameters", "texts", "such as fast=12; none: those of the strategy", default=()),
    Field(
        "direction",
        "text",
        "sides that it may hold",
        default="BOTH",
        choices=Choices("HeldSides", ("BOTH", "LONG", "SHORT")),
    ),
    Field("has_stops", "switch", "whether its stops are followed", default=True),
    Field("has_funding", "switch", "whether funding is paid", default=True),
    Field("capital", "value", "at the start, quote", default=10_000.0),
)
BACKTEST = Verb(
    "backtest",
    "one backtest",
    has_own_arguments=True,
    job="backtest",
    told="Backtest a strategy on the bars that are stored; a run of Dagster does it, and the lab lists it",
    route="/api/v1/backtests/run",
    runs_as="job",
    form=_BACKTEST_FORM,
    op="run_backtest",
)
OPTIMIZE = Verb(
    "optimize",
    "a walk-forward and its verdict",
    has_own_arguments=True,
    job="focused_optimization",
    told="Search strategies and symbols again and judge out of sample; a run of Dagster does it",
    route="/api/v1/optimizer/run",
    runs_as="job",
    form=_FORM,
    op="walk_forward",
)
