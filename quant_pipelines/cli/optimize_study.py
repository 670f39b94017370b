"""``quant optimize --calendar combinatorial``: many paths through one history."""

import argparse
import logging
from math import comb
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.cli.history import columns_folder
from quant_pipelines.cli.optimize_cluster import Ahead
from quant_pipelines.cli.output import table, write_text
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.timeframes import day_of
from quant_pipelines.optimize.combinatorial_study import SplitResult
from quant_pipelines.reports.combinatorial import render_study
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import OptimizationJob, Studied
from quant_pipelines.research.run import open_source
from quant_pipelines.research.study import WHY_NO_PROOF, require_study, study_one
from quant_pipelines.sdk import StrategySource, compile_strategy

_log = logging.getLogger(__name__)
_SHOWN = ("paths", "sharpe_mean", "sharpe_deviation", "sharpe_05", "sharpe_median", "sharpe_95")


def study(
    arguments: argparse.Namespace,
    job: OptimizationJob,
    source: HistorySource,
    engine: Engine | None,
    strategy: StrategySource | None = None,
) -> Studied:
    """Run a study, or what is left of it, and write its page where one is asked for."""
    with waiting(
        "combinatorial study", arguments, total=comb(job.windows.groups, job.windows.test_groups)
    ) as progress:

        def tell(_: SplitResult) -> None:
            progress.advance()

        studied = study_one(engine, job, source=source, strategy=strategy, on_split=tell)
    write_study(arguments, studied)
    return studied


def resumed_study(arguments: argparse.Namespace, engine: Engine, ahead: Ahead) -> Studied:
    """Finish a stored study with the text that it began with, whatever stands in the file by now."""
    stored = require_study(engine, int(arguments.resume))
    job = OptimizationJob.from_document(stored.job)
    source = open_source(engine, job, columns_folder(arguments))
    strategy = compile_strategy(stored.strategy, stored.source)
    ahead.search(arguments, job, strategy)
    studied = study(arguments, job, source, engine, strategy)
    if studied.id != arguments.resume:
        _log.warning(
            "study:%d was begun on another kernel, whose splits can't go on: study:%s was run in its place",
            arguments.resume,
            studied.id,
        )
    return studied


def write_study(arguments: argparse.Namespace, studied: Studied) -> None:
    """Write the page of a study where one is asked for."""
    if arguments.report:
        market = f"{studied.job.symbol} {studied.job.timeframe}"
        page = render_study(studied.job.strategy, market, studied.result, WHY_NO_PROOF)
        write_text(arguments.report, page)


def study_answer(studied: Studied) -> dict[str, Any]:
    """JSON document of a study; it has no verdict and no capital."""
    job = studied.job
    return {
        "calendar": job.windows.calendar,
        "strategy": job.strategy,
        "symbol": job.symbol,
        "timeframe": job.timeframe,
        "study_id": studied.id,
        "first_day": day_of(studied.result["first_day_ms"]),
        **studied.result["figures"],
        "splits": studied.result["splits"],
        "splits_run": len(studied.result["splits"]),
        "proves": WHY_NO_PROOF,
    }


def study_text(document: dict[str, Any]) -> str:
    """Study as text."""
    head = f"{document['strategy']} {document['symbol']} {document['timeframe']} from {document['first_day']}"
    paths = [
        {"path": number, "sharpe": sharpe, "return": total}
        for number, (sharpe, total) in enumerate(
            zip(document["path_sharpes"], document["path_returns"], strict=True), 1
        )
    ]
    return "\n".join(
        [
            f"{head}: {document['paths']} paths of {document['splits_run']} splits",
            table([document], _SHOWN),
            table(paths, ("path", "sharpe", "return")),
            f"  {document['proves']}",
        ]
    )
