"""What the page says of the looks as they are wired, and of searches that ended in them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.calibrate.family_worlds import FAMILY_EDGES, FAMILY_NOISE, POOLS, SYMBOLS
from benchmarks.calibrate.intervals import upper_bound
from benchmarks.calibrate.marks import reaches, row_line, share, table
from benchmarks.calibrate.pipeline import LOOK_DAYS, STRATEGIES, TREND
from benchmarks.calibrate.pipeline import SYMBOLS as TRADED
from benchmarks.calibrate.results import Results, Row


def sections(results: Results) -> list[str]:
    rows = results.rows("family")
    return [
        "## The looks as they are wired: pools, and records by themselves",
        _WIRED,
        "",
        *noise_table(rows),
        "",
        "### Records with an edge, and false ones beside them",
        _INSIDE,
        "",
        *edges_table(rows),
        "",
        "## Pipeline tier: worlds through the real search",
        _PIPELINE,
        "",
        *pipeline_table(results.rows("pipeline")),
        "",
    ]


def noise_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "no record has an edge | worlds | join, leave (mean) | false, last 30 days | upper 95 % "
        "| false, 365 days | upper 95 % | reaches it"
    )
    lines = []
    for kind, n, figures in _measured(rows, FAMILY_NOISE):
        late, ever = figures["late"], figures["ever"]
        month, year = upper_bound(late, n), upper_bound(ever, n)
        moves = f"{figures['joined']:g}, {figures['left']:g}"
        bounds = [share(late, n), f"{month:.3f}", share(ever, n), f"{year:.3f}", reaches(month, year)]
        lines.append(row_line([kind, n, moves, *bounds]))
    return table(head, lines)


def edges_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "with an edge | worlds | their pool passed | of those with it passed (mean) | the same without pools "
        "| another record passed | the same, where the pool passed"
    )
    lines = []
    for kind, n, figures in _measured(rows, FAMILY_EDGES):
        inside = share(figures["false_inside"], figures["pool"])
        found = [f"{figures['found']:.3f}", f"{figures['found_flat']:.3f}"]
        lines.append(
            row_line([kind, n, share(figures["pool"], n), *found, share(figures["ever"], n), inside])
        )
    return table(head, lines)


def _measured(rows: dict[str, Row], kinds: Iterable[str]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Name, worlds and figures of the rows of these kinds that were measured."""
    found = ((kind, rows.get(json.dumps(kind))) for kind in kinds)
    return ((kind, row.worlds, row.figures) for kind, row in found if row is not None)


def pipeline_table(rows: dict[str, Row]) -> list[str]:
    head = "worlds | decisions equal to the bit | records | past the paper screen | passed by the last look"
    lines = []
    for row in rows.values():
        equal = f"{row.figures['equal']} of {row.worlds}"
        for name, told in (("noise", "without trends"), ("trend", "with trends")):
            part = row.figures[name]
            n = part["records"]
            shares = [share(part["screened"], n), share(part["passed"], n)]
            lines.append(row_line([f"{part['worlds']} {told}", equal, n, *shares]))
    return table(head, lines)


_WIRED = f"""{POOLS} pools of {SYMBOLS} records, both nulls, near-twins seated as one, a look each week
as the job takes it. Where records join or leave, half of them begin within the year of the looks (or in
the 60 days before it) and a third of them end in it. The 200 symbols are ranked each month; records of
two strategies begin on the day of a listing and end with it, and no day that chose a symbol is in them."""

_INSIDE = """Pools of correlation 0.3, two years of record, looks in the second. A record is false where
it has no edge of its own, however good its pool is. *Without pools* is one step-down over all records
at the whole error."""

_PIPELINE = f"""{" and ".join(STRATEGIES)} on {len(TRADED)} generated symbols of hourly bars, every
second world with trends (Sharpe ratio {TREND:g} of who knew them): walk-forwards in nights before
{len(LOOK_DAYS)} looks, records that grow in PostgreSQL, looks stored by the job's own code. The same
worlds are searched again at once, in memory; the statistic tier decides on the days that come out.
*Equal* are all decisions, statistics, critical values and days to wait, to the last bit. Records of a
world share its luck: intervals of records are too narrow by that.

The *paper screen* asks for no proof and gives none: its rates here are of these generated markets, and
a verdict's page shows them."""
