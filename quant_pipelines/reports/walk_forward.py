"""The page of one walk-forward and its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.metrics import max_drawdown, sharpe_ratio, total_return
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.optimize.paired import FEWEST_PAIRED_DAYS, paired_difference
from quant_pipelines.optimize.verdict import VerdictRecord, told_folds
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.reports.capital import capital_mark, capital_section
from quant_pipelines.reports.months import month_section
from quant_pipelines.reports.numbers import NOTHING, day, percent, plain, value_text, words
from quant_pipelines.reports.page import Cell, Tile, document, facts, paragraph, section, signed, table, tiles
from quant_pipelines.reports.pareto import pareto_section
from quant_pipelines.reports.screen_rates import screen_rates
from quant_pipelines.reports.sensitivity import sensitivity_section
from quant_pipelines.reports.stitched import Curve, stitched_charts

INCUMBENT = "incumbent"
_FEWEST_MONTH_DAYS = 45


@dataclass(frozen=True, eq=False)
class JudgedWalk:
    """A verdict with what it rests on.

    Parameters
    ----------
    record
        The verdict.
    folds
        Oldest first, the newest one may have no day yet; none where they are not kept.
    others
        What it is compared with: holding, the incumbent.
    """

    record: VerdictRecord
    folds: Sequence[FoldResult] = ()
    others: Sequence[Curve] = field(default=())

    @cached_property
    def own(self) -> Curve:
        """Stitched out-of-sample returns; without folds their days are those before the window's end."""
        returns = np.array(self.record.daily_returns, dtype=np.float64)
        days = self.record.window_end_ms - DAY_MS * np.arange(returns.size, 0, -1, dtype=np.int64)
        known = [fold.test.days for fold in self.folds]
        if known and sum(part.size for part in known) == returns.size:
            days = np.concatenate(known)
        return Curve("out of sample", days, returns)


def render_walk(walk: JudgedWalk) -> str:
    """Render a walk-forward and its verdict as one HTML page that needs nothing else."""
    record = walk.record
    tried = walk.folds[-1].fit.trials if walk.folds else ()
    sections = [
        tiles(_tiles(walk)),
        facts(_facts(walk)),
        section("Gates", _verdict_sentence(record), gate_table(record.gates)),
        capital_section(record),
        _equity_section(walk),
        _fold_section(walk),
        sensitivity_section(tried, record.parameters),
        pareto_section(tried),
        section(
            "Evidence",
            paragraph(
                "Rates are fractions; Sharpe ratios are annualized by 365 days unless named per day.", "soft"
            ),
            _evidence(record),
        ),
    ]
    title = f"Walk-forward of {record.strategy}"
    window = f"{day(record.window_start_ms)} to {day(record.window_end_ms)}"
    mark = capital_mark(record.capital.decision, record.capital.decided_by)
    return document(title, f"{record.symbol} {record.timeframe}, {window}", sections, mark)


def _tiles(walk: JudgedWalk) -> list[Tile]:
    own, record = walk.own, walk.record
    outside = record.out_of_sample
    sharpe = sharpe_ratio(own.returns)
    beside = {curve.name: percent(total_return(curve.returns)) for curve in walk.others}
    passed = {
        kind: [gate.passed for gate in record.gates if (gate.gate == PAPER) is kind] for kind in (True, False)
    }
    return [
        Tile(
            "Return out of sample",
            percent(total_return(own.returns)),
            ", ".join(f"{name} {value}" for name, value in beside.items()),
        ),
        Tile("Sharpe ratio", NOTHING if np.isnan(sharpe) else f"{sharpe:.2f}", f"{own.returns.size} days"),
        Tile("Deepest drawdown", percent(max_drawdown(own.returns)), "by day ends"),
        Tile("Round trips", plain(outside.get("trades")), "out of sample"),
        Tile("Efficiency", plain(outside.get("efficiency"), 3), "daily return over in-sample"),
        Tile("Paper gates", f"{sum(passed[True])} of {len(passed[True])}", "passed"),
        Tile("Capital gates", f"{sum(passed[False])} of {len(passed[False])}", "passed"),
    ]


def _facts(walk: JudgedWalk) -> dict[str, str]:
    record, outside = walk.record, walk.record.out_of_sample
    values = ", ".join(f"{name} = {value_text(value, 5)}" for name, value in record.parameters.items())
    return {
        "Strategy": record.strategy,
        "Version": record.content_hash,
        "Market": f"{record.symbol}, {record.timeframe} bars of {record.exchange}",
        "Window": f"{day(record.window_start_ms)} to {day(record.window_end_ms)} UTC",
        "Folds": told_folds(outside),
        "Unseen days": f"{outside.get('days_unseen', 0)} of {walk.own.returns.size}",
        "Days that are not tested": _not_tested(outside),
        "Executed on": f"{outside.get('execution_timeframe', '?')} bars",
        "Newest parameters": values or "none could be fitted",
        "Verdict": NOTHING if record.id is None else str(record.id),
    }


def _not_tested(outside: dict[str, Any]) -> str:
    """Days that count for the search alone, and those that are not there."""
    before, missing = outside.get("days_before_listing", 0), outside.get("days_missing", 0)
    idle = outside.get("days_without_parameters", 0)
    told = [
        f"{before} before the symbol was listed, which count for the search alone" if before else "",
        f"{missing} missing between its days: no search ran for longer than the folds reach"
        if missing
        else "",
    ]
    tested = f"; {idle} of the others had no parameters to trade" if idle else ""
    return (", ".join(one for one in told if one) or "none") + tested


def _verdict_sentence(record: VerdictRecord) -> str:
    paper = "passed" if record.paper_passed else "not passed"
    capital = record.capital.decision
    return paragraph(
        f"Paper screen {paper}, capital {capital}. "
        f"The paper screen proves nothing: it admits to paper money. {screen_rates().told}"
    )


def gate_table(gates: Sequence[Gate]) -> str:
    """Table of gates, with what each one says."""
    rows = [
        (
            words(gate.name),
            Cell("passed" if gate.passed else "not passed", kind="pass" if gate.passed else "fail"),
            Cell("not known" if gate.value is None else plain(gate.value, 4), gate.value),
            plain(gate.threshold, 4),
            gate.gate,
            Cell(gate.detail, kind="long"),
        )
        for gate in gates
    ]
    header = ("gate", "result", "value", "threshold", "guards", "what it says")
    return table(header, rows, texts=(0, 1, 4, 5))


def _equity_section(walk: JudgedWalk) -> str:
    own = walk.own
    if not own.returns.size:
        return section("Stitched out of sample", paragraph("There are no days out of sample."))
    edges = [fold.fold.test_start_ms for fold in walk.folds[1:]]
    equity, drawdown = stitched_charts([*walk.others, own], edges)
    note = (
        "Upright lines part the folds. Holding pays no costs; an incumbent is the record of the verdict "
        f"that is traded now, on the days that both have.{_paired(walk)}"
    )
    months = month_section([day_of(int(ms)) for ms in own.days], own.returns)
    shown = section("Stitched out of sample", equity, paragraph(note, "soft"), drawdown)
    return shown + (months if own.returns.size >= _FEWEST_MONTH_DAYS else "")


def _paired(walk: JudgedWalk) -> str:
    """Say how much it earned beyond the incumbent on the days that both have, and how sure that is."""
    incumbent = next((curve for curve in walk.others if curve.name == INCUMBENT), None)
    if incumbent is None or incumbent.days.size < FEWEST_PAIRED_DAYS:
        return ""
    at = np.searchsorted(walk.own.days, incumbent.days)
    found = paired_difference(walk.own.returns[at], incumbent.returns)
    span = f"{percent(found.low)} to {percent(found.high)}"
    told = "a difference that chance hardly makes" if found.is_told else "no difference is told"
    return (
        f" On these {found.days} days its mean return is {percent(found.difference)} a year beyond the "
        f"incumbent's, 95 % from {span}: {told}."
    )


def _fold_section(walk: JudgedWalk) -> str:
    if not walk.folds:
        return ""
    header = ("fold", "train", "test", "in-sample", "out of sample", "round trips", "tried", "parameters")
    rows = [_fold_row(f"{number}", result) for number, result in enumerate(walk.folds, 1)]
    return section("Folds", table(header, rows, texts=(0, 1, 2, 7)))


def _fold_row(name: str, result: FoldResult) -> tuple[str | Cell, ...]:
    fold, inside, outside = result.fold, total_return(result.fit.returns), total_return(result.test.returns)
    is_tested = result.test.returns.size > 0
    fitted = result.fit.parameters or {}
    values = ", ".join(f"{name}={value_text(value, 4)}" for name, value in fitted.items())
    return (
        name,
        f"{day(fold.train_start_ms)} to {day(fold.train_end_ms)}",
        f"{day(fold.test_start_ms)} to {day(fold.test_end_ms)}" if is_tested else NOTHING,
        Cell(percent(inside), inside, signed(inside)),
        Cell(percent(outside), outside, signed(outside)) if is_tested else NOTHING,
        f"{len(result.test.trades):,}" if is_tested else NOTHING,
        f"{len(result.fit.trials):,}",
        Cell(values or "nothing to trade", kind="long"),
    )


def _evidence(record: VerdictRecord) -> str:
    names = sorted({*record.in_sample, *record.out_of_sample})
    rows = [(words(name), _text(record.in_sample, name), _text(record.out_of_sample, name)) for name in names]
    return table(("name", "in-sample", "out of sample"), rows)


def _text(values: dict[str, Any], name: str) -> str:
    if name not in values:
        return ""
    return "not known" if values[name] is None else value_text(values[name], 5)
