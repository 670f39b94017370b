"""What the page says of records alone: books under stress, waits, lengths, and a version beside another."""

import json
from collections.abc import Callable

from benchmarks.calibrate.brought_rows import HISTORY_DAYS, UNSEEN_DAYS, Brought
from benchmarks.calibrate.budget_rows import Budgeted
from benchmarks.calibrate.culling_rows import FOLLOWED_YEARS, YEAR, Cull
from benchmarks.calibrate.intervals import upper_bound
from benchmarks.calibrate.length_rows import (
    LENGTHS,
    POOLS,
    SHARPE,
    SYMBOLS,
    Length,
    asked_days,
    computed_years,
    pooled_gain,
)
from benchmarks.calibrate.marks import row_line, share, table
from benchmarks.calibrate.paired_rows import Pair
from benchmarks.calibrate.results import Results, Row
from benchmarks.calibrate.stress_rows import SOLD_TAIL_EXPOSURE, Book
from benchmarks.calibrate.waiting_rows import ASKED_DAYS, PRIOR, YEARS


def sections(results: Results) -> list[str]:
    """Sections with their tables; a row that is not measured yet is left out."""
    parts: list[tuple[str, str, str, Callable[[dict[str, Row]], list[str]]]] = [
        ("stress", "Books under stress: the rule `gaps_paid_for`", _STRESS, stress_table),
        ("waiting", "Not yet decidable: about so many more days", _WAITING, waiting_table),
        ("length", "Years to 80 % power", _LENGTH, length_table),
        ("brought", "Authors who search elsewhere and bring the best", _BROUGHT, brought_table),
        ("culling", "Culling: who rests, and how soon", _CULLING, culling_table),
        ("budget", "Loss budget of a live book", _BUDGET, budget_table),
        ("paired", "A new version beside the one in force", _PAIRED, paired_table),
    ]
    lines = []
    for section, title, told, shown in parts:
        lines += [f"## {title}", told, "", *shown(results.rows(section)), ""]
    return lines


def culling_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "true Sharpe | window, fewest days, confidence | worlds | culled in its first year "
        "| culled in the next year | upper 95 % | days to notice, median [95 %]"
    )
    lines = []
    for key, row in rows.items():
        cull, n, figures = Cull(*json.loads(key)), row.worlds, row.figures
        kind = f"{cull.before:g}, then {cull.after:g}" if cull.decays else f"{cull.before:g}"
        terms = f"{cull.window_days}, {cull.min_days}, {cull.confidence:g}"
        most = max(figures["young"], figures["in_a_year"])
        bound = "wanted" if cull.decays else f"{upper_bound(most, n):.3f}"
        shown = [_days_told(figures[name]) for name in ("days", "days_low", "days_high")]
        noticed = f"{shown[0]} [{shown[1]}, {shown[2]}]" if cull.decays else "none wanted"
        young = share(figures["young"], n)
        lines.append(row_line([kind, terms, n, young, share(figures["in_a_year"], n), bound, noticed]))
    return table(head, lines)


def budget_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "true Sharpe | volatility | worlds | taken back in its first year | in the next year "
        "| upper 95 % | days to notice, median [95 %]"
    )
    lines = []
    for key, row in rows.items():
        one, n, figures = Budgeted(*json.loads(key)), row.worlds, row.figures
        kind = f"{one.before:g}, then {one.after:g}" if one.decays else f"{one.before:g}"
        bound = (
            "wanted" if one.decays else f"{upper_bound(max(figures['young'], figures['in_a_year']), n):.3f}"
        )
        shown = [_days_told(figures[name]) for name in ("days", "days_low", "days_high")]
        noticed = f"{shown[0]} [{shown[1]}, {shown[2]}]" if one.decays else "none wanted"
        shares = [share(figures[name], n) for name in ("young", "in_a_year")]
        lines.append(row_line([kind, f"{one.daily * YEAR**0.5:.0%}", n, *shares, bound, noticed]))
    return table(head, lines)


def _days_told(days: int | None) -> str:
    return f"> {FOLLOWED_YEARS * YEAR}" if days is None else str(days)


def stress_table(rows: dict[str, Row]) -> list[str]:
    head = "book | years | worlds | has gained | refused by the rule | passed by the looks | of these refused"
    lines = []
    for key, row in rows.items():
        book, n, figures = Book(*json.loads(key)), row.worlds, row.figures
        kind = "rare loss" if book.sharpe is None else f"Sharpe {book.sharpe:g}, {book.volatility:.0%} a year"
        passed = figures["passed"]
        shares = [share(figures[name], n) for name in ("gained", "refused", "passed")]
        lines.append(row_line([kind, book.years, n, *shares, share(figures["passed_refused"], passed)]))
    return table(head, lines)


def brought_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "tried elsewhere | days that chose it | family | worlds | passed by the year's end "
        "| of these, its unseen days had gained | passed, if its unseen days alone were tested"
    )
    lines = []
    for key, row in rows.items():
        what, n, figures = Brought(*json.loads(key)), row.worlds, row.figures
        shares = [share(figures["passed"], n), share(figures["gained"], figures["passed"])]
        lines.append(row_line([*what, n, *shares, share(figures["unseen"], n)]))
    return table(head, lines)


def waiting_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "true Sharpe | worlds | passed | refused | told a number | days told (median) "
        "| passed within them, where they end in those years "
        "| days it took over days told (median) | passed before the fewest"
    )
    lines = []
    for key, row in rows.items():
        (sharpe,), n, figures = json.loads(key), row.worlds, row.figures
        told, ratio, days = figures["told"], figures["ratio"], figures["stated"]
        lines.append(
            row_line(
                [
                    "drawn, as is believed" if sharpe == PRIOR else f"{sharpe:g}",
                    n,
                    share(figures["passed"], n),
                    share(figures["refused"], n),
                    told,
                    "none" if days is None else f"{days:.0f}",
                    share(figures["within"], figures["followed"]),
                    "not within the years" if ratio is None else f"{ratio:.2f}",
                    share(figures["sooner"], told),
                ]
            )
        )
    return table(head, lines)


def length_table(rows: dict[str, Row]) -> list[str]:
    head = (
        "candidates | Sharpe 1 | Sharpe 2 | Sharpe 3 | simulated at Sharpe 2: days | worlds "
        "| passed by the last look"
    )
    return table(head, [_length_line(length, rows.get(json.dumps(length))) for length in LENGTHS])


def _length_line(length: Length, row: Row | None) -> str:
    gain, told = 1.0, str(length.candidates)
    if length.correlation is not None:
        gain = pooled_gain(length.correlation)
        told = (
            f"{POOLS * SYMBOLS} as {POOLS} pools of {SYMBOLS}, correlation {length.correlation:g}, "
            "all of one with the edge"
        )
    years = [computed_years(length.candidates, sharpe) / gain for sharpe in (1.0, 2.0, 3.0)]
    digits = 1 if length.correlation is None else 2
    simulated = ["", ""] if row is None else [row.worlds, share(row.figures["found"], row.worlds)]
    return row_line([told, *(f"{one:.{digits}f}" for one in years), asked_days(length), *simulated])


def paired_table(rows: dict[str, Row]) -> list[str]:
    head = "Sharpe is better by | correlation | years | worlds | told to be better | told to be worse"
    lines = []
    for key, row in rows.items():
        pair, n = Pair(*json.loads(key)), row.worlds
        shares = [share(row.figures[name], n) for name in ("better", "worse")]
        lines.append(row_line([f"{pair.better:g}", f"{pair.correlation:g}", pair.years, n, *shares]))
    return table(head, lines)


_STRESS = f"""Rare loss: half of the equity on 0.2 % of days, mean zero, a position of
{SOLD_TAIL_EXPOSURE:g} times the equity. The others are honest books, whole in a position, of heavy
tails and volatility clusters. Each record is asked alone at the weekly looks of its last calendar year;
the rule refuses what they pass. What it lets through of rare loss are books that by luck earned three
gaps before the first."""

_WAITING = f"""Records alone, of normal days, asked after {ASKED_DAYS} days and followed for {YEARS}
years in all at weekly looks. What its days have earned stays, what is to come is predicted at a Sharpe ratio
that is shrunk toward zero: by the days that are told a record has passed with a chance of a half, by the
fewest with one of 10 %. The chances are meant for what is drawn as is believed; who is better than that waits
for less. Who is told only the fewest days would need more than 30 years for a chance of a half."""

_LENGTH = f"""Computed: one look, independent normal candidates, the maximum's quantile at the whole
error. Simulated at a Sharpe ratio of {SHARPE:g}: records of so many days, weekly looks in their last
calendar year, and the share of worlds that passed the candidate or pool with the edge, where 0.8 was
computed. A pool is tested with 70 days at the earliest."""

_BROUGHT = f"""No look counts what was tried in an archive, in another database, or on fewer than 60
days. Whoever brings the best of it brings the days that chose it: {HISTORY_DAYS} of noise, or the 59 of
records that were given up before a look asked them. The gate `days_unseen` lets capital wait until
{UNSEEN_DAYS} days have come after the text was first known here, and does no more: the decision tests
all days together, and what chose a record weighs less with each day that it grows. One tried alone has
the decision's own error. The last column is what is left where unseen days alone are tested, at the
price of years for every record."""

_PAIRED = """The same days, normal; the difference of daily returns under the stationary bootstrap, 95 %
interval. The first row of each block has no difference: what is told there is false, 2.5 % to each side
by right."""
_CULLING = """A deployment that is ranked alone every day (with others its confidence is shared, so it rests
later), on days with heavy tails and volatility clusters. A true Sharpe ratio of 1 may be culled in at most
5 % of its years; the upper bound says how sure that is with so few worlds. The first rows have the
defaults in force, the last ones those of before. The price is time: a month's volatility hides years of a
small edge, so one that decayed from 2 to 0 is hardly ever noticed by its own days alone (its next
walk-forward and the weekly look are what see it), and one that turned to -2 only after months."""
_BUDGET = """A book that went live on the day after two years of record, on days with heavy tails and
volatility clusters, looked at every day with the defaults: a fall from its highest level by one and a half
annual deviations of its record (at most 40 %), or the band of its days. It rests and comes back through
paper, so a false alarm costs weeks, not the strategy. Culling and the allocation, which drains capital from
what decays, are not played along."""
