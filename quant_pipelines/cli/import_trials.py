"""``quant import-trials``: what another tool's search is worth; needs no database and stores nothing."""

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.output import print_answer, table, write_text
from quant_pipelines.cli.parse import whole_number

if TYPE_CHECKING:
    from quant_pipelines.optimize.imported_verdict import ImportedJudgment

_SHOWN = ("sharpe", "luck_sharpe", "psr", "effective_trials", "minimum_track_record_days")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="freqtrade's .fthypt, an Optuna study (SQLite or journal), or a CSV of daily returns: the day, "
        "then a column for each trial",
    )
    parser.add_argument(
        "--layout", default="", metavar="NAME", help="where the file does not show its layout"
    )
    parser.add_argument("--study", default="", metavar="NAME", help="which study, where a file holds several")
    parser.add_argument("--trial", default="", metavar="NAME", help="trial to judge (default: the best)")
    parser.add_argument(
        "--trials",
        type=whole_number,
        metavar="N",
        help="how many were tried in all, if more than the file holds",
    )
    parser.add_argument("--report", type=Path, metavar="F.html", help="write a report")


def run(arguments: argparse.Namespace) -> int:
    """Judge and print; a search that is refused is an answer, not a failure."""
    from quant_pipelines.archive.trials import read_trials
    from quant_pipelines.optimize.imported_verdict import Judging, judge_imported
    from quant_pipelines.reports.imported_trials import render_imported
    from quant_pipelines.settings import load_settings

    settings = load_settings()
    search = read_trials(arguments.file, layout=arguments.layout, study=arguments.study)
    judging = Judging(settings.gates, settings.optimization.overfit_blocks, arguments.trials, arguments.trial)
    judgment = judge_imported(search, judging)
    if arguments.report:
        write_text(arguments.report, render_imported(judgment, arguments.file.name))
    print_answer(arguments, _document(arguments.file, judgment), _text(judgment))
    return 0


def _document(file: Path, judgment: "ImportedJudgment") -> dict[str, Any]:
    search, trial = judgment.search, judgment.trial
    return {
        "file": file,
        "kind": search.kind,
        "name": search.name,
        "rows": len(search.trials),
        "statuses": search.statuses,
        "repeated": search.repeated,
        "unlike_repeats": search.unlike_repeats,
        "trials": judgment.trials,
        "trial": trial
        and {
            "name": trial.name,
            "parameters": trial.parameters,
            "objective": search.objective,
            "value": trial.value,
        },
        "in_sample": judgment.evidence,
        "capital": {
            "decision": judgment.decision,
            "more_days": judgment.more_days,
            "fewest_more_days": judgment.fewest_more_days,
            "most_more_days": judgment.most_more_days,
            "tests": [asdict(test) for test in judgment.tests],
        },
        "reasons": judgment.reasons,
        "unknown": judgment.unknown,
        "notes": search.notes,
    }


def _text(judgment: "ImportedJudgment") -> str:
    from quant_pipelines.reports.imported_trials import parameters_text, told_decision

    search, trial = judgment.search, judgment.trial
    statuses = ", ".join(f"{count} {status}" for status, count in search.statuses.items())
    rows = f"{len(search.trials)} rows ({statuses}), {search.repeated} of them repeat parameters"
    if search.unlike_repeats:
        rows += f", {search.unlike_repeats} sets of them with another result"
    best = "none" if trial is None else f"{trial.name}  {parameters_text(trial)}".rstrip()
    lines = [
        f"{search.name} ({search.kind}): {judgment.trials} trials; {rows}",
        f"  judged trial  {best}",
    ]
    if judgment.tests:
        lines.append(
            table([asdict(test) for test in judgment.tests], ("name", "value", "threshold", "passed"))
        )
        lines += [
            f"  {name}  {judgment.evidence[name]:.4g}"
            for name in _SHOWN
            if math.isfinite(judgment.evidence.get(name) or math.nan)
        ]
    lines.append(f"  {told_decision(judgment)}")
    lines += [f"  {reason}" for reason in judgment.reasons]
    reasons = dict.fromkeys(judgment.unknown.values())
    for why in reasons:
        names = ", ".join(name for name, said in judgment.unknown.items() if said == why)
        lines.append(f"  can't be told: {names}: {why}")
    return "\n".join(lines + [f"  note: {note}" for note in search.notes])
