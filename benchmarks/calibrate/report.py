"""`docs/calibration.md` out of rows; every figure in it was measured by the code that it names."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.calibrate import report_family, report_records
from benchmarks.calibrate.intervals import upper_bound
from benchmarks.calibrate.length_rows import computed_years
from benchmarks.calibrate.marks import reaches, row_line, share, table, yes
from benchmarks.calibrate.results import Results, Row
from benchmarks.calibrate.rows import CANDIDATES, Cell
from benchmarks.calibrate.sections import POWER_CELLS, SPENDING_CELLS

NOT_ASKED = "rare loss"


def page(results: Results) -> str:
    limits = ", ".join(
        f"{row.figures['limit']:.3f} over {years} y" for years, row in sorted(results.rows("oracle").items())
    )
    return "\n".join(
        [
            _introduction(results),
            "",
            "## False promotions (no candidate has an edge; two years of record, looks in the second)",
            *noise_table(results.rows("noise")),
            "",
            _NOTES,
            "",
            *report_family.sections(results),
            "## Power beside an oracle (normal days, one candidate has the edge)",
            f"It knows every volatility. Its critical values: {limits}.",
            "",
            *power_table(results.rows("power")),
            "",
            "## Ways to spend the year's error (Sharpe 2, two years)",
            *spending_table(results.rows("power")),
            "",
            *report_records.sections(results),
            "## What measured it",
            *_codes(results),
            "",
        ]
    )


def noise_table(rows: dict[str, Row]) -> list[str]:
    head = "noise | worlds | false, last 30 days | upper 95 % | false, 365 days | upper 95 % | reaches it"
    lines = []
    for key, row in rows.items():
        kind, n, figures = json.loads(key), row.worlds, row.figures
        late, ever = figures["late"], figures["ever"]
        month, year = upper_bound(late, n), upper_bound(ever, n)
        reached = "not asked" if kind == NOT_ASKED else reaches(month, year)
        cells = [kind, n, share(late, n), f"{month:.3f}", share(ever, n), f"{year:.3f}", reached]
        lines.append(row_line(cells))
    return table(head, lines)


def power_table(rows: dict[str, Row]) -> list[str]:
    head = "Sharpe | years | worlds | ours | oracle | low, ours - 0.8 oracle | difference | false | reached"
    return table(head, [_power_line(cell, row) for cell, row in _cells(rows, POWER_CELLS)])


def _power_line(cell: Cell, row: Row) -> str:
    n, figures = row.worlds, row.figures
    known, difference = figures["oracle"] / n, (figures["ours"] - figures["oracle"]) / n
    reached = figures["bound"] >= 0.0 if 0.2 <= known <= 0.95 else difference >= -0.05
    shares = [share(figures["ours"], n), share(figures["oracle"], n)]
    gap = [f"{figures['bound']:+.3f}", f"{difference:+.3f}", share(figures["false"], n), yes(reached)]
    return row_line([f"{cell.sharpe:g}", cell.years, n, *shares, *gap])


def spending_table(rows: dict[str, Row]) -> list[str]:
    head = "spending | worlds | passed by the last look | day of the year, median of those that passed"
    lines = []
    for cell, row in _cells(rows, SPENDING_CELLS):
        day = row.figures["day"]
        passed = share(row.figures["ours"], row.worlds)
        lines.append(row_line([cell.spending, row.worlds, passed, "none" if day is None else f"{day:.0f}"]))
    return table(head, lines)


def _cells(rows: dict[str, Row], cells: Sequence[Cell]) -> Iterable[tuple[Cell, Row]]:
    found = ((cell, rows.get(json.dumps(cell))) for cell in cells)
    return ((cell, row) for cell, row in found if row is not None)


def _codes(results: Results) -> list[str]:
    """Digests of the code behind the rows of each section; a row of older code stays until it is measured."""
    head = "section | code, day and rows that it measured | worlds in all"
    lines = []
    for section, worlds in results.worlds().items():
        codes: dict[tuple[str, str], int] = {}
        for row in results.rows(section).values():
            codes[row.code, row.day] = codes.get((row.code, row.day), 0) + 1
        told = ", ".join(f"{code} {day} ({n})" for (code, day), n in codes.items())
        lines.append(row_line([section, told, worlds]))
    return table(head, lines)


def _introduction(results: Results) -> str:
    rows: list[Any] = [*results.rows("noise").values()]
    most = max((row.worlds for row in rows), default=0)
    least = min((row.worlds for row in rows), default=0)
    return f"""# Calibration of the capital decision

Written by `make calibrate`; no figure is typed in. Every row says how many seeded worlds it rests on
(of the noise, {least} to {most} by now; 2,000 are wanted), and the last section which code measured it.
A world is `numpy.random.default_rng([tier, seed])`, seeds from 0; the tier is 1 for noise, 2 for power,
3 for pools, 4 for books under stress, 5 for waits, 6 for lengths, 7 for the oracle's quantile, 10 for
pairs, 11 for culling, 12 for what is brought, 13 for loss budgets. Statistic tier: matrices of daily net
returns of {CANDIDATES} candidates, weekly looks over a calendar year, alpha 2.5 % a year. Brackets are
exact 95 % intervals (Clopper and Pearson). A row *reaches* what is asked where the one-sided upper 95 %
bound is at most 5 % over 30 days and at most 10 % over 365; with few worlds a bound is wide, however good
the rate. The 30 days are the year's last, which spend the most. A run that is stopped goes on where it was:
`make calibrate WORLDS=2000`, or one section, `ARGS="--only family"`; `--rows-first` ends a row before the
next. Two cores do 2,000 worlds of a row of noise in minutes;
`benchmarks/README.md` has how long."""


_NOTES = f"""Rare loss has a mean of zero and shows a gain until it loses: no test of means sees what
did not happen yet. Refusing such books is the task of the gate `gaps_paid_for`, below. The real days
are those of 19 perpetual futures from 2023 to 2025; the row is left out where there is no archive of
them (`QUANT_ARCHIVE`). One candidate alone would need {computed_years(1, 1.0):.1f} years to 80 % power
at a Sharpe ratio of 1."""
