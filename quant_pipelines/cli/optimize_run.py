"""The work of ``quant optimize``, apart from its arguments so that ``quant --help`` loads none of it."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.cli.backtest_run import require_symbols
from quant_pipelines.cli.history import columns_folder, open_database
from quant_pipelines.cli.operator import strategies_of
from quant_pipelines.cli.optimize_cluster import Ahead, cluster_of
from quant_pipelines.cli.optimize_study import resumed_study, study
from quant_pipelines.cli.output import table, write_text
from quant_pipelines.cli.parse import TIMEFRAME, StudyId
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ConfigurationError, StrategyError
from quant_pipelines.core.instrument_sets import set_name, symbols_of
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, floor_ms, from_ms
from quant_pipelines.operations.freshness import freshness
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.optimize.verdict import VerdictRecord, told_folds
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.pages.walk import walk_of
from quant_pipelines.reports.walk_forward import render_walk
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import COMBINATORIAL, OptimizationJob, Studied, make_job
from quant_pipelines.research.library import refresh_library
from quant_pipelines.research.round import WorkLimits
from quant_pipelines.research.run import open_source, optimize_one, resume_job, stored_strategy
from quant_pipelines.sdk import StrategySource, load_strategy
from quant_pipelines.settings import load_settings
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.verdict_rows import incumbent_returns

_log = logging.getLogger(__name__)
_SEARCH = ("searcher", "trials", "seed", "objective")
_CONSTRAINTS = ("min_trades", "max_turnover", "min_capacity", "capacity_participation")
_WINDOWS = ("folds", "train_days", "test_days", "calendar", "groups", "test_groups", "embargo_hours")


class Optimized(NamedTuple):
    """Verdict, how its parameters were searched, and the processor time that this took, seconds."""

    record: VerdictRecord
    searcher: str
    cpu_seconds: float


class OpenResearch(NamedTuple):
    """Database that holds what is optimized, how old evidence in it may be, and who searches ahead."""

    engine: Engine
    fresh: Freshness
    ahead: Ahead


def optimize(arguments: argparse.Namespace) -> Optimized | Studied:
    """Verdict or study that the arguments ask for, and its report.

    With an archive nothing is stored, unless the settings name a database.

    Raises
    ------
    QuantError
        One sentence for a strategy, symbol, setting or archive that can't be used.
    """
    _require_one_way(arguments)
    settings = load_settings(_flags(arguments))
    cluster = cluster_of(arguments, settings)
    if arguments.archive is not None and not settings.database_url:
        job = _job(arguments, settings)
        return _asked(arguments, job, open_source(None, job))
    with open_database(arguments, settings) as engine:
        ahead = Ahead(engine, cluster, WorkLimits.of(settings.optimization))
        stored = OpenResearch(engine, freshness(settings.ladder, system_clock_ms), ahead)
        if isinstance(arguments.resume, StudyId):
            return resumed_study(arguments, engine, ahead)
        if arguments.resume is not None:
            return _resumed(arguments, stored)
        _require_trial(engine, arguments.strategy, strategies_of(arguments, settings))
        job = _job(arguments, settings)
        return _asked(arguments, job, open_source(engine, job, columns_folder(arguments)), stored)


def _asked(
    arguments: argparse.Namespace,
    job: OptimizationJob,
    source: HistorySource,
    stored: OpenResearch | None = None,
) -> Optimized | Studied:
    if job.windows.calendar == COMBINATORIAL:
        if stored:
            stored.ahead.search(arguments, job)
        return study(arguments, job, source, stored.engine if stored else None)
    return _run(arguments, job, source, stored)


def _resumed(arguments: argparse.Namespace, stored: OpenResearch) -> Optimized:
    """Finish a stored one with the text that it began with, whatever stands in the file by now."""
    engine = stored.engine
    job, strategy = resume_job(engine, arguments.resume), stored_strategy(engine, arguments.resume)
    source = open_source(engine, job, columns_folder(arguments))
    optimized = _run(arguments, job, source, stored, strategy)
    if optimized.record.task_id != arguments.resume:
        _log.warning(
            "optimization %d was begun on another kernel, whose folds can't go on: %s was run in its place",
            arguments.resume,
            optimized.record.task_id,
        )
    return optimized


def _run(
    arguments: argparse.Namespace,
    job: OptimizationJob,
    source: HistorySource,
    stored: OpenResearch | None = None,
    strategy: StrategySource | None = None,
) -> Optimized:
    folds: dict[int, FoldResult] = {}
    spent_ahead = stored.ahead.search(arguments, job, strategy) if stored else 0.0
    began = process_time()
    with waiting("walk-forward", arguments, total=(job.folds or job.windows.folds) + 1) as progress:

        def keep(result: FoldResult) -> None:
            folds[result.fold.index] = result
            progress.advance()

        engine = stored.engine if stored else None
        record = optimize_one(engine, job, source=source, strategy=strategy, on_fold=keep)
    record = record.counted(stored.fresh) if stored else record
    spent = process_time() - began + spent_ahead
    if arguments.report:
        walk = walk_of(record, folds, source, _incumbent(engine, record))
        write_text(arguments.report, render_walk(walk))
    return Optimized(record, job.searcher, spent)


def _incumbent(engine: Engine | None, record: VerdictRecord) -> dict[int, float]:
    """Daily returns of what is traded now; none without a database."""
    if engine is None:
        return {}
    with transaction(engine) as connection:
        return incumbent_returns(connection, record)


def optimized_document(optimized: Optimized) -> dict[str, Any]:
    """JSON document of a verdict, with what its search took."""
    spent = {"searcher": optimized.searcher, "cpu_seconds": optimized.cpu_seconds}
    return verdict_document(optimized.record) | spent


def verdict_document(record: VerdictRecord) -> dict[str, Any]:
    """JSON document of a verdict."""
    return {
        "strategy": record.strategy,
        "version": record.content_hash,
        "symbols": list(symbols_of(record.symbol)),
        "timeframe": record.timeframe,
        "window_start": from_ms(record.window_start_ms),
        "window_end": from_ms(record.window_end_ms),
        "parameters": record.parameters,
        "in_sample": record.in_sample,
        "out_of_sample": record.out_of_sample,
        "gates": [asdict(gate) for gate in record.gates],
        "paper_passed": record.paper_passed,
        "capital_passed": record.capital_passed,
        "capital": _capital(record),
        "trials": record.in_sample.get("own_trials"),
        "reasons": record.reasons,
        "task_id": record.task_id,
        "verdict_id": record.id,
    }


def verdict_text(document: dict[str, Any]) -> str:
    """Verdict as text, with what its search took where that is told."""
    parameters = ", ".join(f"{name}={value}" for name, value in document["parameters"].items())
    window = f"{document['window_start']:%Y-%m-%d} to {document['window_end']:%Y-%m-%d}"
    market = f"{', '.join(document['symbols'])} {document['timeframe']}"
    folds = told_folds(document["out_of_sample"])
    tried = f"{document['trials']} sets were tried"
    if "cpu_seconds" in document:
        tried += f" by {document['searcher']} in {document['cpu_seconds']:.1f} CPU seconds"
    paper = _passed(document["paper_passed"])
    lines = [
        f"{document['strategy']} ({document['version']}) {market}, {window}, {folds} folds",
        f"  best parameters  {parameters or 'none could be fitted'}",
        table(document["gates"], ("gate", "name", "value", "threshold", "passed")),
        f"  {tried}",
        f"  paper screen {paper}, which proves nothing",
        f"  capital {document['capital']['reason']}",
    ]
    return "\n".join(lines + [f"  {reason}" for reason in document["reasons"]])


def _capital(record: VerdictRecord) -> dict[str, Any]:
    """Document what was decided on capital; a rule that refuses leaves no number of days to wait for."""
    decided, looked = record.capital._asdict(), record.evidence._asdict()
    if record.capital.decision != record.evidence.decision:
        looked |= dict.fromkeys(("more_days", "fewest_more_days", "most_more_days"))
    return looked | decided


def _require_one_way(arguments: argparse.Namespace) -> None:
    """Refuse what is neither a new optimization nor a stored one, or both."""
    if arguments.resume is None:
        if not arguments.strategy or not arguments.symbols:
            raise ConfigurationError("nothing to optimize; expected STRATEGY and SYMBOL, or --resume ID")
        return
    known = {"STRATEGY": arguments.strategy, "SYMBOL": arguments.symbols}
    flags = ("timeframe", "start", "end", "archive", "space", *_WINDOWS, *_CONSTRAINTS, *_SEARCH)
    known |= {f"--{name.replace('_', '-')}": getattr(arguments, name) for name in flags}
    given = [name for name, value in known.items() if value not in (None, [])]
    if given:
        raise ConfigurationError(
            f"--resume {arguments.resume!s} goes on with what is stored of it; expected no {', '.join(given)}"
        )


def _require_trial(engine: Engine, name: str, folder: Path) -> None:
    """Refuse a file that fails its trial: what is stored may be promoted, and older text wasn't asked for."""
    if name.endswith(".py") or "/" in name:
        return  # a path is tried when it is read
    shelf = refresh_library(engine, folder, names=[name])[0]
    if not shelf.entry.is_current:
        raise StrategyError(f"strategy {name}: its file is refused: {shelf.entry.fault}")


def _passed(value: bool) -> str:
    return "passed" if value else "not passed"


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    search, windows = _given(arguments, (*_SEARCH, "cluster")), _given(arguments, _WINDOWS)
    if constraints := _given(arguments, _CONSTRAINTS):
        search |= {"constraints": constraints}
    if windows:
        search |= dict.fromkeys(("minute_windows", "hour_windows"), windows)
    return {"optimization": search} if search else {}


def _given(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _job(arguments: argparse.Namespace, settings: Settings) -> OptimizationJob:
    folder = strategies_of(arguments, settings)
    source = load_strategy(arguments.strategy, folder)
    require_symbols(source, arguments.symbols)
    symbol = set_name(arguments.symbols)
    job = make_job(settings, arguments.strategy, symbol, arguments.timeframe or TIMEFRAME)
    return replace(
        job,
        window_end_ms=None if arguments.end is None else floor_ms(arguments.end, DAY_MS),
        window_start_ms=arguments.start,
        archive=None if arguments.archive is None else str(arguments.archive.absolute()),
        trigger="command line",
        space=tuple(sorted(arguments.space or (), key=lambda one: one.name)),
        strategies_folder=str(folder),
    )
