"""Every section of the calibration, in the order in which it is measured."""

import json
from statistics import median
from typing import Any

from benchmarks.calibrate import oracle, pipeline, real_days
from benchmarks.calibrate.brought_rows import BROUGHT, BroughtPlayed, brought
from benchmarks.calibrate.budget_rows import BUDGETS, budgeted
from benchmarks.calibrate.culling_rows import CULLS, Culled, culled
from benchmarks.calibrate.family_rows import FamilyPlayed, family_played
from benchmarks.calibrate.family_worlds import FAMILY_EDGES, FAMILY_NOISE
from benchmarks.calibrate.intervals import median_ranks, paired_lower_bound
from benchmarks.calibrate.length_rows import LENGTHS, found_by_last_look
from benchmarks.calibrate.paired_rows import PAIRS, Told, told_pairs
from benchmarks.calibrate.rows import Cell, Played, first_false_days, looks_of, played
from benchmarks.calibrate.section import Section
from benchmarks.calibrate.store import DECISION, MeasuredParts
from benchmarks.calibrate.stress_rows import BOOKS, Stressed, stressed
from benchmarks.calibrate.waiting_rows import FOLLOWED_DAYS, SHARPES, Waited, waited
from benchmarks.calibrate.worlds import NOISE
from quant_pipelines.optimize.decision import SPENDING, DecisionTerms

ORACLE_WORLDS = 10_000
LAST_DAYS_FROM = 335
POWER_CELLS = tuple(Cell(sharpe, years) for years in (1, 2, 3) for sharpe in (1.0, 2.0, 3.0))
SPENDING_CELLS = tuple(Cell(2.0, 2, spending) for spending in SPENDING)
REAL = "block-permuted real returns"


def own(*names: str) -> tuple[str, ...]:
    return tuple(f"benchmarks/calibrate/{name}.py" for name in names)


def optimize(*names: str) -> tuple[str, ...]:
    return tuple(f"quant_pipelines/optimize/{name}" for name in names)


FLAT = (*DECISION, *own("worlds", "rows", "oracle", "real_days"))
FAMILY = (*DECISION, *optimize("capital"), *own("worlds", "family_worlds", "family_rows"))
STRESS = (*DECISION, *optimize("stress.py", "capital_gates.py"), *own("worlds", "stress_rows"))
WAITING = (*DECISION, *optimize("outcome.py"), *own("waiting_rows"))
LENGTH = (*DECISION, *own("length_rows"))
BROUGHT_ELSEWHERE = (*DECISION, *own("worlds", "rows", "brought_rows"))
PAIRED = (*optimize("paired.py", "overfit", "decision/blocks.py"), *own("paired_rows"))
CULLING = ("quant_pipelines/lifecycle/culling.py", *optimize("overfit/moments.py"), *own("culling_rows"))
BUDGET = (
    *(f"quant_pipelines/lifecycle/{name}.py" for name in ("budget", "canary", "anytime")),
    *own("worlds", "culling_rows", "budget_rows"),
)
SEARCHING = (
    "core",
    "indicators",
    "costs",
    "accounting",
    "metrics",
    "sdk",
    "backtest",
    "optimize",
    "research",
)
PIPELINE = (
    *(f"quant_pipelines/{folder}" for folder in SEARCHING),
    *(f"strategies/{name}.py" for name in pipeline.STRATEGIES),
    "benchmarks/bars_alone.py",
    *own("generated", "pipeline", "family_rows"),
)


def oracle_limit(cell: Cell, parts: MeasuredParts) -> float:
    """Critical value of the oracle, computed once for so many years."""
    terms = DecisionTerms()
    limit: float = parts.measure(
        json.dumps(["oracle", cell.kind, cell.years, ORACLE_WORLDS]),
        lambda: oracle.critical(
            cell.kind, cell.size, looks_of(cell.years), alpha=terms.alpha, n_worlds=ORACLE_WORLDS
        ),
    )
    return limit


def _power(key: Any, seeds: range, parts: MeasuredParts) -> list[Played]:
    cell = Cell(*key)
    return played(cell, seeds, oracle_limit(cell, parts))


def noise_figures(days: list[int]) -> dict[str, Any]:
    return {"late": sum(day > LAST_DAYS_FROM for day in days), "ever": len(days) - days.count(0)}


def power_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [Played(*one) for one in worlds]
    # Years of 365 days: the last of them began so many days before the end of the record.
    passed = [(one.day - 1) % 365 + 1 for one in found if one.ours]
    return {
        "ours": sum(one.ours for one in found),
        "oracle": sum(one.oracle for one in found),
        "false": sum(one.is_false for one in found),
        "bound": round(paired_lower_bound([one.ours - 0.8 * one.oracle for one in found]), 3),
        "day": median(passed) if passed else None,
    }


def family_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [FamilyPlayed(*one) for one in worlds]
    inside = [one for one in found if one.pool]
    return {
        "late": sum(one.false > LAST_DAYS_FROM for one in found),
        "ever": sum(one.false > 0 for one in found),
        "pool": len(inside),
        "false_inside": sum(one.false > 0 for one in inside),
        "found": round(sum(one.found for one in found) / len(found), 3),
        "found_flat": round(sum(one.found_flat for one in found) / len(found), 3),
        "joined": round(sum(one.joined for one in found) / len(found), 1),
        "left": round(sum(one.left for one in found) / len(found), 1),
    }


def stress_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [Stressed(*one) for one in worlds]
    return {
        "gained": sum(one.gained for one in found),
        "refused": sum(one.refused for one in found),
        "passed": sum(one.passed for one in found),
        "passed_refused": sum(one.passed and one.refused for one in found),
    }


def waiting_figures(worlds: list[Any]) -> dict[str, Any]:
    """Figures of those that were told a number of days; who never passed waited for longer than any."""
    found = [Waited(*one) for one in worlds]
    told = [(one, one.stated) for one in found if one.decision == "undecided" and one.stated]
    ratios = [float("inf") if one.waited is None else one.waited / stated for one, stated in told]
    middle = median(ratios) if ratios else None
    followed = [ratio for ratio, (_, stated) in zip(ratios, told, strict=True) if stated <= FOLLOWED_DAYS]
    longest = [one for one, _ in told if one.waited is not None and one.waited < (one.fewest or 0)]
    return {
        "passed": sum(one.decision == "passed" for one in found),
        "refused": sum(one.decision == "refused" for one in found),
        "told": len(told),
        "stated": median([stated for _, stated in told]) if told else None,
        "followed": len(followed),
        "within": sum(ratio <= 1.0 for ratio in followed),
        "ratio": None if middle is None or middle == float("inf") else round(middle, 3),
        "sooner": len(longest),
    }


def brought_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [BroughtPlayed(*one) for one in worlds]
    return {name: sum(getattr(one, name) for one in found) for name in BroughtPlayed._fields}


def pair_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [Told(*one) for one in worlds]
    return {"better": sum(one.better for one in found), "worse": sum(one.worse for one in found)}


def culling_figures(worlds: list[Any]) -> dict[str, Any]:
    """Figures of a record; who was never culled waited for longer than any."""
    found = [Culled(*one) for one in worlds]
    waits = sorted(one.old or float("inf") for one in found)
    middle, ranks = median(waits), median_ranks(len(waits))
    low, high = (waits[rank] for rank in ranks)
    return {
        "young": sum(one.young > 0 for one in found),
        "old": sum(one.old > 0 for one in found),
        "in_a_year": sum(0 < one.old <= 365 for one in found),
        **{
            name: None if value == float("inf") else round(value)
            for name, value in (("days", middle), ("days_low", low), ("days_high", high))
        },
    }


def pipeline_figures(worlds: list[Any]) -> dict[str, Any]:
    found = [pipeline.PipelinePlayed(*one) for one in worlds]
    records = [(one.has_trend, pipeline.RecordPlayed(*record)) for one in found for record in one.records]
    figures: dict[str, Any] = {"equal": sum(one.is_equal for one in found)}
    for name, wanted in (("noise", False), ("trend", True)):
        mine = [record for has_trend, record in records if has_trend is wanted]
        figures[name] = {
            "worlds": sum(one.has_trend is wanted for one in found),
            "records": len(mine),
            "screened": sum(one.screened for one in mine),
            "passed": sum(one.decision == "passed" for one in mine),
        }
    return figures


SECTIONS = (
    Section(
        *("noise", "flat", FLAT),
        rows=tuple(kind for kind in NOISE if kind != REAL or real_days.is_there()),
        part=250,
        most=10_000,
        measure=lambda kind, seeds, _: first_false_days(kind, seeds),
        summed=noise_figures,
    ),
    Section(
        *("family", "family", FAMILY),
        rows=(*FAMILY_NOISE, *FAMILY_EDGES),
        part=10,
        most=10_000,
        measure=lambda kind, seeds, _: family_played(kind, seeds),
        summed=family_figures,
    ),
    Section(
        *("power", "flat", FLAT),
        rows=tuple(dict.fromkeys((*POWER_CELLS, *SPENDING_CELLS))),
        part=250,
        most=500,
        measure=_power,
        summed=power_figures,
    ),
    Section(
        *("stress", "stress", STRESS),
        rows=BOOKS,
        part=25,
        most=500,
        measure=lambda book, seeds, _: stressed(book, seeds),
        summed=stress_figures,
    ),
    Section(
        *("waiting", "waiting", WAITING),
        rows=tuple((sharpe,) for sharpe in SHARPES),
        part=25,
        most=500,
        measure=lambda asked, seeds, _: waited(asked, seeds),
        summed=waiting_figures,
    ),
    Section(
        *("length", "length", LENGTH),
        rows=LENGTHS,
        part=10,
        most=500,
        measure=lambda asked, seeds, _: found_by_last_look(asked, seeds),
        summed=lambda worlds: {"found": sum(worlds)},
    ),
    Section(
        *("brought", "brought", BROUGHT_ELSEWHERE),
        rows=BROUGHT,
        part=25,
        most=500,
        measure=lambda asked, seeds, _: brought(asked, seeds),
        summed=brought_figures,
    ),
    Section(
        *("paired", "paired", PAIRED),
        rows=PAIRS,
        part=25,
        most=500,
        measure=lambda asked, seeds, _: told_pairs(asked, seeds),
        summed=pair_figures,
    ),
    Section(
        *("culling", "culling", CULLING),
        rows=CULLS,
        part=50,
        most=2000,
        measure=lambda asked, seeds, _: culled(asked, seeds),
        summed=culling_figures,
    ),
    Section(
        *("budget", "budget", BUDGET),
        rows=BUDGETS,
        part=50,
        most=2000,
        measure=lambda asked, seeds, _: budgeted(asked, seeds),
        summed=culling_figures,
    ),
    Section(
        *("pipeline", "pipeline", PIPELINE),
        rows=("worlds",),
        part=10,
        most=200,
        measure=lambda asked, seeds, _: pipeline.pipeline_played(asked, seeds),
        summed=pipeline_figures,
    ),
)
