"""Group ``research``: walk-forward optimization and its verdicts."""

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets.history import symbol_history
from assets.library import strategy_library
from assets.market import funding_rates
from assets.quality import data_repair
from assets.rendering import plot, spark, table
from assets.resources import Platform
from assets.selection import HOT_LIST
from quant_pipelines.optimize.verdict import told_folds
from quant_pipelines.pages.place import INDEX, page_name
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.views import newest_verdicts, out_of_sample_equity, task_counts

if TYPE_CHECKING:
    from quant_pipelines.research.daily import Scope
    from quant_pipelines.research.job import JobFailure, OptimizationJob, Studied

_RESEARCH: dict[str, Any] = {
    "group_name": "research",
    "owners": ["team:quant"],
    "kinds": {"python", "numba", "postgres"},
}
Row = dict[str, Any]
Curves = dict[int, list[float]]
_WINDOWS = ("train_days", "test_days", "folds", "groups", "test_groups")
_CONSTRAINTS = ("min_trades", "max_turnover", "min_capacity", "capacity_participation")
_PLOTTED = 8
_BEST_SHOWN = 5


class Depth(Enum):
    """How hard to search."""

    NORMAL = "as the settings say"
    DEEP = "optimization.deep_factor times as many parameter sets"


class SearchBy(Enum):
    """How parameters are searched."""

    AS_SET = "as the settings say"
    GRID = "grid"
    SOBOL = "sobol"
    BAYES = "bayes"
    CMA = "cma"
    GA = "ga"
    NSGA2 = "nsga2"


class Calendar(Enum):
    """Where it is trained and tested."""

    AS_SET = "as the settings say"
    FORWARD = "forward"
    COMBINATORIAL = "combinatorial"


class Search(dg.Config):
    """What to search; empty lists stand for everything that the settings and the whitelist name.

    Another searcher, objective, number of trials or calendar is another procedure, with a record of its own.
    """

    strategies: list[str] = Field(default=[], description="names of strategies, such as ema_cross")
    symbols: list[str] = Field(default=[], description="such as BTC/USDT:USDT")
    timeframes: list[str] = Field(default=[], description="such as 1h")
    depth: Depth = Field(default=Depth.NORMAL, description="NORMAL, or DEEP for several times the trials")
    searcher: SearchBy = Field(default=SearchBy.AS_SET, description="how parameters are searched")
    objective: str = Field(
        default="",
        description="sharpe, sortino, calmar, profit_factor, psr or a .py file; empty: the settings'",
    )
    train_days: int = Field(default=0, ge=0, le=36_500, description="of each fold; 0: the settings'")
    test_days: int = Field(default=0, ge=0, le=36_500, description="of each fold; 0: the settings'")
    calendar: Calendar = Field(
        default=Calendar.AS_SET,
        description="FORWARD, or COMBINATORIAL for a study of many paths, which makes no record",
    )
    groups: int = Field(default=0, ge=0, le=20, description="of a COMBINATORIAL study; 0: the settings'")
    test_groups: int = Field(default=0, ge=0, le=19, description="that a split tests; 0: the settings'")
    trials: int = Field(default=0, ge=0, le=100_000, description="parameter sets of a fold; 0: the settings'")
    folds: int = Field(default=0, ge=0, le=1000, description="newest folds to run; 0: the settings'")
    min_trades: int = Field(default=0, ge=0, le=1_000_000, description="in a train window; 0: the settings'")
    max_turnover: float = Field(default=0.0, ge=0, le=10**9, description="a year; 0: the settings'")
    min_capacity: float = Field(
        default=0.0, ge=0, le=10**15, description="quote currency it must carry; 0: the settings'"
    )
    capacity_participation: float = Field(
        default=0.0, ge=0, le=1, description="share of the market's volume for that; 0: the settings'"
    )
    space: list[str] = Field(
        default=[],
        description="less of a parameter, such as fast=5:20, fast=5:20:5, slow=90 or average=ema,sma",
    )
    reason: str = Field(default="", description="why; it is stored with what is found")


@dg.asset(deps=[data_repair, funding_rates, HOT_LIST, symbol_history, strategy_library], **_RESEARCH)
def walk_forward(
    context: dg.AssetExecutionContext, config: Search, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Search in-sample, judge out of sample, fold by fold: every strategy on every whitelisted symbol.

    The window ends at the last UTC midnight, so the data are the same at any hour. Finished folds are kept:
    an interrupted run goes on after them. What ``optimization.search_minutes`` do not reach comes first the
    next time.
    """
    from quant_pipelines.research.cluster import workers_of  # noqa: PLC0415 - scipy
    from quant_pipelines.research.daily import daily_jobs, note_searched  # noqa: PLC0415 - scipy
    from quant_pipelines.research.job import JobFailure, NotReached, Studied  # noqa: PLC0415 - scipy
    from quant_pipelines.research.pool import optimize_many  # noqa: PLC0415 - scipy
    from quant_pipelines.research.round import WorkLimits  # noqa: PLC0415 - scipy

    settings, search = platform.settings, platform.settings.optimization
    scope = scope_of(config, search.deep_factor)
    trigger = config.reason or context.job_name
    jobs = daily_jobs(settings, platform.engine, platform.clock(), trigger=trigger, scope=scope)
    with workers_of(search) as workers:
        outcomes = optimize_many(
            settings.database_url,
            jobs,
            workers,
            columns=platform.columns,
            limits=WorkLimits.of(search),
            on_begun=partial(note_searched, platform.engine, depth=scope.trials_factor),
        )
    failures = [_failure_row(outcome) for outcome in outcomes if isinstance(outcome, JobFailure)]
    left = [outcome.job for outcome in outcomes if isinstance(outcome, NotReached)]
    begun = [job for job, outcome in zip(jobs, outcomes, strict=True) if not isinstance(outcome, NotReached)]
    metadata: dict[str, Any] = {
        "optimizations": len(begun),
        "failed": len(failures),
        "not_reached": len(left),
        "failures": table(failures),
        "first_next_time": table(_job_row(job) for job in left),
        **_studies([outcome for outcome in outcomes if isinstance(outcome, Studied)]),
    }
    if len(failures) == len(begun):
        raise dg.Failure(nothing_found(len(begun), len(left), search.search_minutes), metadata=metadata)
    with transaction(platform.engine) as connection:
        counts = task_counts(connection)
    return dg.MaterializeResult(metadata={**metadata, "tasks_by_status": table([counts])})


@dg.asset(deps=[walk_forward], **_RESEARCH)
def verdicts(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Show what the newest walk-forwards proved, gate by gate, with their stitched out-of-sample equity."""
    with transaction(platform.engine) as connection:
        rows = newest_verdicts(connection, platform.exchange, platform.fresh)
        plotted = _best_by_timeframe(rows)
        shown = [row["task_id"] for best in plotted.values() for row in best]
        curves = out_of_sample_equity(connection, shown)
    metadata = {
        "verdicts": len(rows),
        "paper_passed": sum(row["paper_passed"] for row in rows),
        "capital_passed": sum(row["capital_passed"] for row in rows),
        **_best(rows, curves),
        **_equity_plots(plotted, curves),
        **_pages(platform, rows),
        "all_gates": table(_verdict_row(row) for row in rows),
    }
    return dg.MaterializeResult(metadata=metadata)


def _pages(platform: Platform, rows: list[Row]) -> dict[str, dg.MetadataValue]:
    """Write the pages of these verdicts, and link them: all of them, and the best ones by name."""
    if platform.pages is None or not rows:
        return {}
    from quant_pipelines.pages.publish import PageFolder, publish_verdicts  # noqa: PLC0415 - numba

    place, keep = platform.pages, platform.settings.optimization.keep_reports
    pages = PageFolder(place.folder, keep)
    publish_verdicts(platform.engine, rows, pages, fresh=platform.fresh, columns=platform.columns)
    best = _best_first(rows)[:_BEST_SHOWN]
    links = [{"verdict": f"[{_name(row)}]({place.link(page_name(row['id']))})"} for row in best]
    return {"all_reports": dg.MetadataValue.url(place.link(INDEX)), "reports": table(links)}


def nothing_found(n_begun: int, n_left: int, minutes: float) -> str:
    """Return why a search ends without a result; pure."""
    if n_begun:
        return f"all {n_begun} optimizations failed"
    if n_left:
        limit = f"{minutes:g} minutes (optimization.search_minutes)"
        return f"none of {n_left} optimizations was done within {limit}; they come first the next time"
    return "there is nothing to search: no strategy in force has a symbol of the whitelist and its timeframe"


def scope_of(config: Search, deep_factor: int) -> "Scope":
    """Return what a form asks for, in the words of the daily search."""
    from quant_pipelines.core.search_settings import written_range  # noqa: PLC0415 - used here alone
    from quant_pipelines.research.daily import Scope  # noqa: PLC0415 - keeps the code server light

    return Scope(
        tuple(config.strategies),
        tuple(config.symbols),
        tuple(config.timeframes),
        deep_factor if config.depth is Depth.DEEP else 1,
        changes=_changes(config),
        windows=_windows(config),
        constraints=_given(config, _CONSTRAINTS),
        space=tuple(sorted(map(written_range, config.space), key=lambda one: one.name)),
    )


def _windows(config: Search) -> dict[str, Any]:
    chosen = {} if config.calendar is Calendar.AS_SET else {"calendar": config.calendar.value}
    return _given(config, _WINDOWS) | chosen


def _changes(config: Search) -> dict[str, Any]:
    searcher = None if config.searcher is SearchBy.AS_SET else config.searcher.value
    return _given(config, ("objective", "trials")) | ({"searcher": searcher} if searcher else {})


def _given(config: Search, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(config, name))}


def _best(rows: list[Row], curves: Curves) -> dict[str, dg.MarkdownMetadataValue]:
    """Tell what did best out of sample, short enough that the page shows it at once."""
    best = _best_first(rows)[:_BEST_SHOWN]
    if not best:
        return {}
    curve = curves[best[0]["task_id"]]
    return {
        "best_out_of_sample": table(_best_row(row) for row in best),
        "best_equity": spark(curve, f"Stitched out-of-sample equity of {_name(best[0])}"),
    }


def _name(row: dict[str, Any]) -> str:
    return f"{row['strategy']} {row['symbol']} {row['timeframe']}"


def _best_row(row: dict[str, Any]) -> dict[str, Any]:
    outside = row["out_of_sample"]
    return {
        "strategy": row["strategy"],
        "symbol": row["symbol"].partition(":")[0],
        "bars": row["timeframe"],
        "return": outside.get("total_return"),
        "sharpe": outside.get("sharpe"),
        "unseen_days": outside.get("days_unseen", 0),
        "paper": row["paper_passed"],
        "failed": sum(not gate["passed"] for gate in row["gates"]),
    }


def _best_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: float(row["out_of_sample"].get("total_return") or 0.0), reverse=True)


def _best_by_timeframe(rows: list[Row]) -> dict[str, list[Row]]:
    """Few enough of each timeframe for one plot, the best first."""
    best = _best_first(rows)
    return {
        timeframe: [row for row in best if row["timeframe"] == timeframe][:_PLOTTED]
        for timeframe in sorted({row["timeframe"] for row in rows})
    }


def _equity_plots(plotted: dict[str, list[Row]], curves: Curves) -> dict[str, dg.MarkdownMetadataValue]:
    """Stitched out-of-sample equity of each timeframe's best, on one scale."""
    plots = {}
    for timeframe, best in plotted.items():
        lines = {
            f"{row['strategy']} {row['symbol'].partition('/')[0]}": curves[row["task_id"]] for row in best
        }
        plots[f"out_of_sample_equity_{timeframe}"] = plot(
            lines, f"Stitched out-of-sample equity, {timeframe}, days"
        )
    return plots


def _studies(studies: "list[Studied]") -> Row:
    """Paths of combinatorial studies, which make no verdict."""
    names = ("paths", "sharpe_mean", "sharpe_deviation", "sharpe_05", "sharpe_95", "share_of_losing_paths")
    rows = (_job_row(one.job) | {name: one.result["figures"][name] for name in names} for one in studies)
    return {"combinatorial_studies": table(rows)} if studies else {}


def _job_row(job: "OptimizationJob") -> dict[str, Any]:
    return {name: getattr(job, name) for name in ("strategy", "symbol", "timeframe")}


def _failure_row(failure: "JobFailure") -> dict[str, Any]:
    return _job_row(failure.job) | {"error": failure.error}


def _verdict_row(row: dict[str, Any]) -> dict[str, Any]:
    gates = {gate["name"]: gate["value"] for gate in row["gates"]}
    failed = [gate["name"] for gate in row["gates"] if not gate["passed"]]
    outside = row["out_of_sample"]
    names = ("strategy", "symbol", "timeframe", "paper_passed", "capital_passed")
    evidence = {
        "folds": told_folds(outside),
        "executed_on": outside.get("execution_timeframe", "?"),
    }
    return {name: row[name] for name in names} | evidence | gates | {"failed": ", ".join(failed)}
