"""``quant research show``: one verdict, with everything that its record found."""

import argparse
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import StudyId, walk_or_study

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.optimize.evidence import Freshness
    from quant_pipelines.optimize.walk_forward import FoldResult

_BEST = 3
_FOLDS = (
    "fold",
    "train_start",
    "train_end",
    "test_start",
    "trials",
    "in_sample",
    "out_of_sample",
    "days",
    "parameters",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "verdict",
        metavar="VERDICT",
        type=walk_or_study,
        help="its id, as quant research list shows it, or study:ID of a combinatorial study",
    )
    parser.add_argument("--report", type=Path, metavar="F.html", help="write its page")
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it; ``--json`` has every trial."""
    if isinstance(arguments.verdict, StudyId):
        return _show_study(arguments)
    from quant_pipelines.cli.optimize_run import verdict_document, verdict_text
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.freshness import freshness
    from quant_pipelines.operations.research import require_verdict
    from quant_pipelines.store.engine import transaction
    from quant_pipelines.store.records import read_folds

    with opened(arguments) as (engine, settings):
        fresh = freshness(settings.ladder, system_clock_ms)
        with transaction(engine) as connection:
            record = require_verdict(connection, arguments.verdict).counted(fresh)
            folds = read_folds(connection, record.task_id or 0)
        if arguments.report:
            _write_page(arguments, engine, record.task_id or 0, fresh)
    document = verdict_document(record)
    found = [folds[index] for index in sorted(folds)]
    rows, drift = [_fold(one) for one in found], _drift(found)
    trials = [trial for one in found for trial in _trials(one)]
    best = [trial for one in found for trial in _trials(one, _BEST)]
    text = "\n".join(
        [
            verdict_text(document),
            f"  verdict {record.id}, optimization {record.task_id}, {record.decision}",
            table([row | {"parameters": _words(row["parameters"])} for row in rows], _FOLDS),
            "  drift of the parameters, fold by fold",
            table(drift, ("parameter", "lowest", "highest", "changes", "values")),
            f"  best {_BEST} trials of each fold, of {len(trials)} in all (--json has them all)",
            table(
                [row | {"parameters": _words(row["parameters"])} for row in best],
                ("fold", "trial", "objective", "parameters"),
            ),
        ]
    )
    told = {"decision": record.decision, "folds": rows, "drift": drift, "trials": trials}
    print_answer(arguments, document | told, text)
    return 0


def _show_study(arguments: argparse.Namespace) -> int:
    from quant_pipelines.cli.optimize_study import study_answer, study_text, write_study
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.research.job import OptimizationJob, Studied
    from quant_pipelines.research.study import require_study

    with opened(arguments) as (engine, _):
        found = require_study(engine, int(arguments.verdict))
    if found.result is None:
        raise ConfigurationError(
            f"study:{found.id} is not finished, {found.splits} splits have run; expected one that is, so go "
            f"on with quant optimize --resume study:{found.id}"
        )
    studied = Studied(OptimizationJob.from_document(found.job), found.result, found.id)
    write_study(arguments, studied)
    told = study_answer(studied)
    print_answer(arguments, told, study_text(told))
    return 0


def _write_page(arguments: argparse.Namespace, engine: "Engine", task_id: int, fresh: "Freshness") -> None:
    from quant_pipelines.cli.history import columns_folder
    from quant_pipelines.cli.output import write_text
    from quant_pipelines.pages.publish import page_of
    from quant_pipelines.research.run import open_source, resume_job

    source = open_source(engine, resume_job(engine, task_id), columns_folder(arguments))
    write_text(arguments.report, page_of(engine, task_id, source, fresh))


def _fold(one: "FoldResult") -> dict[str, Any]:
    from quant_pipelines.core.timeframes import day_of
    from quant_pipelines.metrics import total_return

    fold, fit, test = one.fold, one.fit, one.test
    return {
        "fold": fold.index,
        "train_start": day_of(fold.train_start_ms),
        "train_end": day_of(fold.train_end_ms),
        "test_start": day_of(fold.test_start_ms),
        "trials": len(fit.trials),
        "in_sample": total_return(fit.returns),
        "out_of_sample": total_return(test.returns) if test.days.size else None,
        "days": int(test.days.size),
        "parameters": fit.parameters,
    }


def _trials(one: "FoldResult", most: int | None = None) -> list[dict[str, Any]]:
    """Trials of a fold in their order; only the best of them, best first, where a number is given."""
    numbers = list(range(len(one.fit.trials)))
    if most is not None:
        numbers = sorted(numbers, key=lambda at: -_rank(one.fit.trials[at].objective))[:most]
    return [
        {"fold": one.fold.index, "trial": at, "parameters": trial.parameters, "objective": trial.objective}
        for at, trial in ((at, one.fit.trials[at]) for at in numbers)
    ]


def _rank(objective: float) -> float:
    return objective if math.isfinite(objective) else -math.inf


def _drift(folds: "list[FoldResult]") -> list[dict[str, Any]]:
    """How each parameter moved from fold to fold; folds without parameters are left out."""
    fitted = [one.fit.parameters for one in folds if one.fit.parameters]
    rows = []
    for name in fitted[0] if fitted else ():
        values = [parameters[name] for parameters in fitted]
        steps = sum(before != after for before, after in pairwise(values))
        rows.append(
            {
                "parameter": name,
                "lowest": min(values),
                "highest": max(values),
                "changes": steps,
                "values": values,
            }
        )
    return rows


def _words(parameters: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name}={_number(value)}" for name, value in (parameters or {}).items()) or "none"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
