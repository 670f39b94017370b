"""`docs/calibration.md` out of rows; every figure in it was measured in the run that wrote it."""

from collections.abc import Sequence
from statistics import NormalDist, median

from benchmarks.calibrate.intervals import clopper_pearson, paired_lower_bound, upper_bound
from benchmarks.calibrate.rows import CANDIDATES, FalsePromotions, Power

_NORMAL = NormalDist()


def share(hits: int, n: int) -> str:
    low, high = clopper_pearson(hits, n)
    return f"{hits / n:.3f} [{low:.3f}, {high:.3f}]"


def noise_table(rows: Sequence[FalsePromotions]) -> list[str]:
    lines = [
        "| noise | worlds | false, last 30 days | upper 95 % | false, 365 days | upper 95 % | reaches it |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        month, year = (upper_bound(hits, row.worlds) for hits in row[2:])
        reached = (
            "not asked" if row.kind == "rare loss" else "yes" if month <= 0.05 and year <= 0.1 else "**no**"
        )
        lines.append(
            f"| {row.kind} | {row.worlds} | {share(row.within_30_days, row.worlds)} | {month:.3f} "
            f"| {share(row.within_365_days, row.worlds)} | {year:.3f} | {reached} |"
        )
    return lines


def power_table(rows: Sequence[Power]) -> list[str]:
    lines = [
        "| Sharpe | years | worlds | ours | oracle | low, ours - 0.8 oracle | difference | false | reached |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        n, known = len(row.ours), sum(row.oracle) / len(row.ours)
        bound = paired_lower_bound([a - 0.8 * b for a, b in zip(row.ours, row.oracle, strict=True)])
        difference = sum(row.ours) / n - known
        reached = bound >= 0.0 if 0.2 <= known <= 0.95 else difference >= -0.05
        lines.append(
            f"| {row.sharpe:g} | {row.years} | {n} | {share(sum(row.ours), n)} | {share(sum(row.oracle), n)} "
            f"| {bound:+.3f} | {difference:+.3f} | {share(row.false, n)} | {'yes' if reached else '**no**'} |"
        )
    return lines


def spending_table(rows: Sequence[tuple[str, Power]]) -> list[str]:
    lines = [
        "| spending | passed by the last look | day of the year, median of those that passed |",
        "|---|---|---|",
    ]
    for name, row in rows:
        day = f"{median(row.days) - 365 * (row.years - 1):.0f}" if row.days else "none"
        lines.append(f"| {name} | {share(sum(row.ours), len(row.ours))} | {day} |")
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


INTRODUCTION = f"""# Calibration of the capital decision

Written by `make calibrate`; no figure is typed in. Statistic tier: matrices of daily net returns of
{CANDIDATES} candidates, weekly looks over a calendar year, alpha 2.5 % a year. Brackets are exact
95 % intervals (Clopper and Pearson). A row *reaches* what is asked where the one-sided upper 95 % bound is
at most 5 % over 30 days and at most 10 % over 365; with few worlds a bound is wide, however good the rate.
Run it whole by `make calibrate WORLDS=2000`."""
