"""`docs/calibration.md` out of rows; every figure in it was measured by the code that it names."""

from collections.abc import Sequence
from statistics import NormalDist, median
from typing import NamedTuple

from benchmarks.calibrate.intervals import clopper_pearson, paired_lower_bound, upper_bound
from benchmarks.calibrate.rows import CANDIDATES, Cell, Played
from benchmarks.calibrate.store import code_digest
from quant_pipelines.core.clock import utc_now
from quant_pipelines.optimize.decision import DecisionTerms

_NORMAL = NormalDist()
NOT_ASKED = "rare loss"


class FalsePromotions(NamedTuple):
    """Day of the year of each world's first false promotion, 0 where there was none."""

    kind: str
    record_days: int
    days: list[int]


class Power(NamedTuple):
    cell: Cell
    worlds: list[Played]


class Measured(NamedTuple):
    noise: Sequence[FalsePromotions]
    power: Sequence[Power]
    spending: Sequence[Power]
    oracle_limits: dict[int, float]


def page(measured: Measured) -> str:
    limits = ", ".join(f"{limit:.3f} over {years} y" for years, limit in measured.oracle_limits.items())
    return "\n".join(
        [
            _introduction(),
            "",
            "## False promotions (no candidate has an edge; two years of record, looks in the second)",
            *noise_table(measured.noise),
            "",
            _NOTES,
            "",
            "## Power beside an oracle (normal days, one candidate has the edge)",
            f"It knows every volatility. Its critical values: {limits}.",
            "",
            *power_table(measured.power),
            "",
            "## Ways to spend the year's error (Sharpe 2, two years)",
            *spending_table(measured.spending),
            "",
            "## Years to 80 % power (computed: one look, independent normal candidates)",
            *years_table(DecisionTerms().alpha),
            "",
        ]
    )


def share(hits: int, n: int) -> str:
    low, high = clopper_pearson(hits, n)
    return f"{hits / n:.3f} [{low:.3f}, {high:.3f}]"


def noise_table(rows: Sequence[FalsePromotions]) -> list[str]:
    lines = [
        "| noise | worlds | false, last 30 days | upper 95 % | false, 365 days | upper 95 % | reaches it |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        n = len(row.days)
        late, ever = sum(day > 335 for day in row.days), n - row.days.count(0)
        month, year = upper_bound(late, n), upper_bound(ever, n)
        reached = "not asked" if row.kind == NOT_ASKED else _yes(month <= 0.05 and year <= 0.1)
        figures = f"{share(late, n)} | {month:.3f} | {share(ever, n)} | {year:.3f}"
        lines.append(f"| {row.kind} | {n} | {figures} | {reached} |")
    return lines


def power_table(rows: Sequence[Power]) -> list[str]:
    lines = [
        "| Sharpe | years | worlds | ours | oracle | low, ours - 0.8 oracle | difference | false | reached |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell, worlds in rows:
        n = len(worlds)
        ours, known = sum(one.ours for one in worlds), sum(one.oracle for one in worlds)
        bound = paired_lower_bound([one.ours - 0.8 * one.oracle for one in worlds])
        difference = (ours - known) / n
        reached = bound >= 0.0 if 0.2 <= known / n <= 0.95 else difference >= -0.05
        false = sum(one.is_false for one in worlds)
        lines.append(
            f"| {cell.sharpe:g} | {cell.years} | {n} | {share(ours, n)} | {share(known, n)} "
            f"| {bound:+.3f} | {difference:+.3f} | {share(false, n)} | {_yes(reached)} |"
        )
    return lines


def spending_table(rows: Sequence[Power]) -> list[str]:
    lines = [
        "| spending | passed by the last look | day of the year, median of those that passed |",
        "|---|---|---|",
    ]
    for cell, worlds in rows:
        days = [one.day - 365 * (cell.years - 1) for one in worlds if one.ours]
        day = f"{median(days):.0f}" if days else "none"
        lines.append(f"| {cell.spending} | {share(len(days), len(worlds))} | {day} |")
    return lines


def years_table(alpha: float) -> list[str]:
    """Computed, not simulated: one look, independent normal candidates, the maximum's quantile."""
    lines = ["| candidates | Sharpe 1 | Sharpe 2 | Sharpe 3 |", "|---|---|---|---|"]
    for n in (1, 24, 52, 624):
        needed = _NORMAL.inv_cdf((1.0 - alpha) ** (1.0 / n)) + _NORMAL.inv_cdf(0.8)
        lines.append(f"| {n} | " + " | ".join(f"{(needed / sharpe) ** 2:.1f}" for sharpe in (1, 2, 3)) + " |")
    needed = _NORMAL.inv_cdf((1.0 - alpha) ** (1.0 / 12)) + _NORMAL.inv_cdf(0.8)
    for rho in (0.0, 0.3):
        gain = 52 / (1 + 51 * rho)
        cells = " | ".join(f"{(needed / sharpe) ** 2 / gain:.2f}" for sharpe in (1, 2, 3))
        lines.append(f"| 624 as 12 pools of 52 symbols, correlation {rho:g}, all with the edge | {cells} |")
    return lines


def _yes(is_reached: bool) -> str:
    return "yes" if is_reached else "**no**"


def _introduction() -> str:
    return f"""# Calibration of the capital decision

Written by `make calibrate` on {utc_now():%Y-%m-%d}, code {code_digest()}; no figure is typed in.
A world of a row is `numpy.random.default_rng([1, seed])`, of a cell of power `[2, seed]`, of the oracle's
quantile `[7, seed]`, with seeds from 0. Statistic tier: matrices of daily net returns
of {CANDIDATES} candidates, weekly looks over a calendar year, alpha 2.5 % a year. Brackets are exact 95 %
intervals (Clopper and Pearson). A row *reaches* what is asked where the one-sided upper 95 % bound is at most
5 % over 30 days and at most 10 % over 365; with few worlds a bound is wide, however good the rate. The 30
days are the year's last, which spend the most.
A run that is stopped goes on where it was: `make calibrate WORLDS=2000`."""


_NOTES = """Rare loss has a mean of zero and shows a gain until it loses: no test of means sees what did not
happen yet. Refusing such books is the task of the gate `gaps_paid_for`. The real days are those of 19
perpetual futures from 2023 to 2025; the row is left out where there is no archive of them
(`QUANT_ARCHIVE`)."""
