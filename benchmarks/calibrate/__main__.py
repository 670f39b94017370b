"""Measure the capital decision's error and power, and write `docs/calibration.md`."""

import argparse
import json
import time
from pathlib import Path

from benchmarks.calibrate import oracle, report
from benchmarks.calibrate.rows import CANDIDATES, looks_of, noise_row, power_row
from benchmarks.calibrate.worlds import NOISE, Size
from quant_pipelines.optimize.decision import SPENDING, DecisionTerms

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"
POWER_KIND = "normal"


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    asked.add_argument("--worlds", type=int, default=2000, help="of each row of noise")
    asked.add_argument(
        "--power-worlds", type=int, help="of each cell of power; by default a quarter of the others"
    )
    asked.add_argument("--oracle-worlds", type=int, default=10_000)
    given = asked.parse_args()
    n_power = given.power_worlds or max(given.worlds // 4, 1)
    alpha, began, spent = DecisionTerms().alpha, time.perf_counter(), time.process_time()

    noise = []
    for kind in NOISE:
        noise.append(noise_row(kind, given.worlds))
        print(noise[-1], flush=True)
    limits = {
        years: oracle.critical(
            POWER_KIND,
            Size(365 * years, CANDIDATES),
            looks_of(years),
            alpha=alpha,
            n_worlds=given.oracle_worlds,
        )
        for years in (1, 2, 3)
    }
    spending = DecisionTerms().spending
    power = [
        power_row(POWER_KIND, sharpe, years, worlds=n_power, critical=limits[years], spending=spending)
        for years in (1, 2, 3)
        for sharpe in (1.0, 2.0, 3.0)
    ]
    spendings = [
        (name, power_row(POWER_KIND, 2.0, 2, worlds=n_power, critical=limits[2], spending=name))
        for name in SPENDING
    ]
    critical = ", ".join(f"{limit:.3f} over {years} y" for years, limit in limits.items())
    PAGE.write_text(
        "\n".join(
            [
                report.INTRODUCTION,
                "",
                "## False promotions (no candidate has an edge; two years of record, looks in the second)",
                *report.noise_table(noise),
                "",
                "Rare loss has a mean of zero and shows a gain until it loses: no test of means sees",
                "what did not happen yet. Refusing such books is a stress rule's task, which is not here.",
                "Not simulated here: intraday and funding-hour seasons (a daily return does not show them),",
                "block-permuted real returns.",
                "",
                "## Power beside an oracle (normal days, one candidate has the edge)",
                f"It knows every volatility. Critical values ({given.oracle_worlds} worlds): {critical}",
                "",
                *report.power_table(power),
                "",
                "## Ways to spend the year's error (Sharpe 2, two years)",
                *report.spending_table(spendings),
                "",
                "## Years to 80 % power (computed: one look, independent normal candidates)",
                *report.years_table(alpha),
                "",
            ]
        )
    )
    print(
        json.dumps(
            {
                "noise": {row.kind: row.within_365_days / row.worlds for row in noise},
                "worlds": given.worlds,
                "power_worlds": n_power,
                "seconds": round(time.perf_counter() - began, 1),
                "cpu_seconds": round(time.process_time() - spent, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
