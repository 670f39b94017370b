"""Row of the verb that searches: on the command line at once, anywhere else as a run of a job."""

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
