"""One verdict: which rule decided, how likely luck is, what was found out of sample, what was tried."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console import figures
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.metrics import compounded, total_return
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.reports.capital import capital_section
from quant_pipelines.reports.pareto import pareto_section
from quant_pipelines.reports.sensitivity import sensitivity_section
from quant_pipelines.reports.stitched import Curve, stitched_charts
from quant_pipelines.store.record_rows import FoldRow, TriedRow, folds_of_task, tried_in_fold
from quant_pipelines.store.research_lists import daily_returns_of_task
from quant_pipelines.store.verdict_rows import incumbent_returns, read_verdict

_MOST_ROWS: Final = 500


class ParameterDrift(NamedTuple):
    """How a parameter moved from fold to fold: how often it changed, and its value in each."""

    name: str
    changes: int
    values: list[Any]


class StoredVerdict(NamedTuple):
    """A verdict with what it rests on; ``tried`` are the sets of the fold that is looked at."""

    record: VerdictRecord
    folds: list[FoldRow]
    tried: list[TriedRow]
    days: Mapping[int, float]
    incumbent: Mapping[int, float]


def read_verdict_page(services: Services, verdict_id: int, fold: int | None = None) -> dict[str, Any]:
    """Read one verdict with its folds; the sets are those of one fold, the newest by default.

    Raises
    ------
    UnknownRow
        If there is no such verdict.
    """
    page = reading_routes.verdict(services, verdict_id)
    stored = _stored(services, verdict_id, fold)
    tried = sorted(stored.tried, key=lambda one: -np.nan_to_num(one.objective, nan=-np.inf))
    record = stored.record
    return {
        "as_of": page.as_of,
        "row_version": page.row_version,
        "row": page.rows[0],
        "record": record,
        "luck": luck_words(record.in_sample, record.out_of_sample),
        "capital": Markup(capital_section(record)),  # noqa: S704 - each text in it is escaped
        "curves": _curves(stored),
        "inside": _inside(stored.folds[-1]) if stored.folds else "",
        "folds": [(one, total_return(np.array(one.train_returns))) for one in stored.folds],
        "drift": drift_of([one.parameters for one in stored.folds if one.parameters]),
        "maps": Markup(sensitivity_section(stored.tried, record.parameters)),  # noqa: S704 - escaped
        "front": Markup(pareto_section(stored.tried)),  # noqa: S704 - escaped
        "tried": tried[:_MOST_ROWS],
        "n_tried": len(tried),
        "fold": fold if fold is not None else stored.folds[-1].number if stored.folds else None,
        "names": list(tried[0].parameters) if tried else [],
    }


def luck_words(inside: Mapping[str, Any], outside: Mapping[str, Any]) -> list[str]:
    """Say how likely luck is, and when more is known; pure.

    Parameters
    ----------
    inside, outside
        Evidence of a verdict, in and out of sample; what is not known is left out.
    """
    told = []
    sure, days = outside.get("psr"), outside.get("days")
    if sure is not None and days:
        told.append(
            f"Days out of sample: without an edge, {days} days as good as these come in "
            f"{_share(1.0 - sure)} of cases."
        )
    needed = outside.get("minimum_track_record_days")
    if needed is not None and days:
        more = max(0, round(needed - days))
        told.append(
            "That many days are enough to tell it from luck with 95 %."
            if more == 0
            else f"If it goes on like this, {more:,} more days tell it from luck with 95 %."
        )
    elif sure is not None:
        told.append("Going on like this, no number of days would tell it from luck with 95 %.")
    overfit, loses = inside.get("pbo"), inside.get("probability_of_loss")
    if overfit is not None:
        lost = f", and loses money in {_share(loses)}" if loses is not None else ""
        told.append(
            "Search: the best set in-sample is worse than the middle one elsewhere in "
            f"{_share(overfit)} of splits{lost}."
        )
    return told or ["Nothing can be told of luck yet: there are no days out of sample."]


def drift_of(fitted: Sequence[Mapping[str, Any]]) -> list[ParameterDrift]:
    """Tell how each parameter moved over folds, oldest first."""
    moved = []
    for name in fitted[0] if fitted else ():
        values = [one.get(name) for one in fitted]
        moved.append(ParameterDrift(name, sum(a != b for a, b in pairwise(values)), values))
    return moved


def _stored(services: Services, verdict_id: int, fold: int | None) -> StoredVerdict:
    fresh = Freshness(clock_time(services.clock).date(), services.settings.ladder.evidence_max_days)
    with reading(services) as read:
        connection = read.connection
        record = read_verdict(connection, verdict_id)
        if record is None or record.task_id is None:
            raise AssertionError("a verdict that was just read is gone")
        folds = folds_of_task(connection, record.task_id)
        looked_at = fold if fold is not None else folds[-1].number if folds else -1
        return StoredVerdict(
            record.counted(fresh),
            folds,
            tried_in_fold(connection, record.task_id, looked_at),
            daily_returns_of_task(connection, record.task_id),
            incumbent_returns(connection, record),
        )


def _curves(stored: StoredVerdict) -> Markup:
    """Equity and drawdown out of sample beside the incumbent; nothing without days."""
    if not stored.days:
        return Markup("")
    common = {day: value for day, value in stored.incumbent.items() if day in stored.days}
    curves = [_curve("incumbent", common)] if common else []
    edges = [to_ms(fold.test_start) for fold in stored.folds[1:]]
    drawn = stitched_charts([*curves, _curve("out of sample", stored.days)], edges)
    return Markup(drawn.equity + drawn.drawdown)  # noqa: S704 - each text in it is escaped


def _curve(name: str, by_day: Mapping[int, float]) -> Curve:
    days = sorted(by_day)
    returns = np.array([by_day[day] for day in days], dtype=np.float64)
    return Curve(name, np.array(days, dtype=np.int64), returns)


def _inside(fold: FoldRow) -> Markup:
    """Equity of the newest fold's best set in the window that it was chosen in."""
    equity = compounded(np.array(fold.train_returns, dtype=np.float64))
    start = to_ms(fold.train_start)
    times = [start + DAY_MS * at for at in range(equity.size)]
    curve = figures.curve_of(times, equity.tolist())
    return figures.equity_chart("In-sample, the newest fold's best set", curve, "starts at 1")


def _share(probability: float) -> str:
    percent = 100.0 * probability
    return "fewer than 1 %" if percent < 1 else "more than 99 %" if percent > 99 else f"{percent:.0f} %"
