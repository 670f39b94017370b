"""The page of a search that another tool made."""

import json
from typing import Any

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.metrics import compounded, underwater
from quant_pipelines.optimize.imported import ImportedTrial
from quant_pipelines.optimize.imported_verdict import ImportedJudgment
from quant_pipelines.reports.axes import number_axis, time_axis
from quant_pipelines.reports.charts import Chart, area, level, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.months import month_section
from quant_pipelines.reports.numbers import NOTHING, day, percent, plain, words
from quant_pipelines.reports.page import Cell, Tile, document, facts, paragraph, section, table, tiles
from quant_pipelines.reports.walk_forward import gate_table

_MOST_ROWS = 500
_DECIDED = {
    "passed": "Passed: its best trial is better than the luck of so many.",
    "refused": "Refused.",
    "undecided": "Not yet decidable.",
}


def told_decision(judgment: ImportedJudgment) -> str:
    """Decision as a sentence, with about how many more days it takes.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.imported import ImportedSearch
    >>> from quant_pipelines.optimize.imported_verdict import ImportedJudgment
    >>> from quant_pipelines.reports.imported_trials import told_decision
    >>> search = ImportedSearch("a tool", "trend", (), np.empty(0, dtype=np.int64))
    >>> told_decision(ImportedJudgment(search, 40, None, {}, more_days=90, fewest_more_days=20))
    'Not yet decidable. About 90 more days (20 or more) at this Sharpe ratio.'
    """
    said = _DECIDED[judgment.decision]
    ends = judgment.fewest_more_days, judgment.most_more_days
    if judgment.more_days is None and ends[0] is not None:
        return f"{said} About {ends[0]} more days, if its true Sharpe ratio is at the upper end of its range."
    if not judgment.more_days:
        return said
    span = f"{ends[0]} to {ends[1]}" if ends[1] is not None else f"{ends[0]} or more"
    return f"{said} About {judgment.more_days} more days ({span}) at this Sharpe ratio."


def render_imported(judgment: ImportedJudgment, source: str) -> str:
    """Render the judgment of a file's trials as one HTML page that needs nothing else.

    Parameters
    ----------
    judgment
        What is shown.
    source
        Name of the file.
    """
    search = judgment.search
    sections = [
        tiles(_tiles(judgment)),
        facts(_facts(judgment)),
        section(
            "Verdict",
            paragraph(
                f"{told_decision(judgment)} Everything here is in-sample: it judges the search and admits "
                "nothing to anything."
            ),
            gate_table(judgment.tests) if judgment.tests else "",
        ),
        _unknown_section(judgment),
        _notes_section(search.notes),
        _equity_section(judgment),
        _trial_section(judgment),
    ]
    return document(f"Trials of {search.name}", f"{search.kind}, {source}", sections)


def _tiles(judgment: ImportedJudgment) -> list[Tile]:
    evidence, search = judgment.evidence, judgment.search
    luck = evidence.get("luck_sharpe")
    return [
        Tile("Trials", f"{judgment.trials:,}", f"{len(search.trials):,} rows of the file"),
        Tile("Effective trials", plain(evidence.get("effective_trials"), 3), "independent ones"),
        Tile("Sharpe ratio", plain(evidence.get("sharpe"), 3), f"luck alone: {plain(luck, 3)}"),
        Tile("Deflated Sharpe ratio", plain(evidence.get("dsr"), 3), "probability of skill"),
        Tile("Overfitting", plain(evidence.get("pbo"), 3), "probability (PBO)"),
        Tile("Return", percent(evidence.get("total_return")), f"{evidence.get('days', 0)} days, in-sample"),
    ]


def _facts(judgment: ImportedJudgment) -> dict[str, str]:
    search, trial = judgment.search, judgment.trial
    statuses = ", ".join(f"{count} {status}" for status, count in search.statuses.items())
    days = search.days
    window = f"{day(days[0])} to {day(days[-1])} UTC" if days.size else "not known"
    return {
        "Search": f"{search.name} ({search.kind})",
        "Rows": statuses,
        "Repeated parameters": f"{search.repeated} rows, each set is one trial",
        "Days": window,
        "Judged trial": NOTHING if trial is None else _told_trial(trial),
    }


def _told_trial(trial: ImportedTrial) -> str:
    return f"{trial.name}: {parameters_text(trial)}" if trial.parameters else trial.name


def parameters_text(trial: ImportedTrial) -> str:
    """Parameters as ``name=value``, in their order.

    Examples
    --------
    >>> from quant_pipelines.optimize.imported import ImportedTrial
    >>> from quant_pipelines.reports.imported_trials import parameters_text
    >>> parameters_text(ImportedTrial("1", {"fast": 5, "exit": None}))
    'fast=5, exit=null'
    """
    return ", ".join(f"{name}={_text(value)}" for name, value in (trial.parameters or {}).items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _unknown_section(judgment: ImportedJudgment) -> str:
    if not judgment.unknown:
        return ""
    rows = [(words(name), Cell(why, kind="long")) for name, why in judgment.unknown.items()]
    return section("What can't be told", table(("number", "why"), rows, texts=(0, 1)))


def _notes_section(notes: tuple[str, ...]) -> str:
    return (
        section("Of the file", *(paragraph(f"{note[:1].upper()}{note[1:]}.") for note in notes))
        if notes
        else ""
    )


def _equity_section(judgment: ImportedJudgment) -> str:
    trial, days = judgment.trial, judgment.search.days
    if trial is None or trial.returns is None or not days.size:
        return ""
    times = np.concatenate([days[:1], days + DAY_MS])
    equity = compounded(trial.returns)
    x, y = time_axis(int(times[0]), int(times[-1])), number_axis(equity)
    depth = underwater(equity)
    below = number_axis(depth, lambda value: percent(value, 0), has_zero=True)
    name = f"trial {trial.name}"
    curve = [level(y, 1.0), line(x, y, times, equity, name=name, kind="c1", sign="")]
    drawdown = [area(x, below, times, depth), line(x, below, times, depth, name=name)]
    return section(
        "Judged trial",
        draw(Chart("Equity at day ends", "starts at 1", x, y, curve, height=300, hover="1")),
        draw(Chart("Distance from the peak", "of the peak", x, below, drawdown, height=160, hover="%")),
    ) + month_section([day_of(int(ms)) for ms in days], trial.returns)


def _trial_section(judgment: ImportedJudgment) -> str:
    search = judgment.search
    sign = -1.0 if search.goal == "highest" else 1.0
    ranked = sorted(search.trials, key=lambda trial: (trial.value is None, sign * (trial.value or 0.0)))
    shown = ranked[:_MOST_ROWS]
    rows = [
        (
            trial.name,
            trial.status,
            Cell(plain(trial.value, 6), trial.value),
            Cell(parameters_text(trial), kind="long"),
        )
        for trial in shown
    ]
    header = ("trial", "status", search.objective or "value", "parameters")
    left_out = len(ranked) - len(shown)
    note = paragraph(f"{left_out} more are not shown; they count.", "soft") if left_out else ""
    return section("Trials", table(header, rows, texts=(0, 1, 3), kind="sortable"), note)
