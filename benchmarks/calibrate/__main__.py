"""Measure the capital decision's error and power, and write `docs/calibration.md` after every part.

A run that was stopped goes on where it was: parts are kept in `--store` under a digest of the code.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.calibrate import oracle, real_days, report
from benchmarks.calibrate.report import FalsePromotions, Measured, Power
from benchmarks.calibrate.rows import NOISE_YEARS, Cell, Played, first_false_days, looks_of, played
from benchmarks.calibrate.store import ROOT, MeasuredParts
from benchmarks.calibrate.worlds import NOISE
from quant_pipelines.optimize.decision import SPENDING, DecisionTerms

PAGE = ROOT / "docs" / "calibration.md"
PART_WORLDS = 250
POWER_CELLS = tuple(Cell(sharpe, years) for years in (1, 2, 3) for sharpe in (1.0, 2.0, 3.0))
SPENDING_CELLS = tuple(Cell(2.0, 2, spending) for spending in SPENDING)


def main() -> None:
    given = _given()
    began, spent = time.perf_counter(), time.process_time()
    parts = MeasuredParts(given.store)
    for name in _in_turns(given):
        _measure(name, parts, given.oracle_worlds)
        rows = _rows(parts)
        PAGE.write_text(report.page(rows))
        print(f"{time.perf_counter() - began:.0f} s: {name}", flush=True)
    print(
        json.dumps(
            {
                "noise": {row.kind: len(row.days) - row.days.count(0) for row in rows.noise},
                "worlds": sum(len(row.days) for row in rows.noise),
                "power_worlds": sum(len(row.worlds) for row in rows.power),
                "seconds": round(time.perf_counter() - began, 1),
                "cpu_seconds": round(time.process_time() - spent, 1),
            }
        )
    )


def _given() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    asked.add_argument("--worlds", type=int, default=2000, help="of each row of noise")
    asked.add_argument("--power-worlds", type=int, default=500, help="of each cell of power")
    asked.add_argument("--oracle-worlds", type=int, default=10_000)
    asked.add_argument("--store", type=Path, default=ROOT / "build" / "calibration")
    return asked.parse_args()


def _in_turns(given: argparse.Namespace) -> Iterator[str]:
    """Name the parts: a first one of each noise, all of the power, then the rest."""
    kinds = [kind for kind in NOISE if kind != "block-permuted real returns" or real_days.is_there()]
    starts = range(0, given.worlds, PART_WORLDS)
    for start in starts[:1]:
        yield from (_noise_name(kind, start, given.worlds) for kind in kinds)
    for start in range(0, given.power_worlds, PART_WORLDS):
        cells = dict.fromkeys((*POWER_CELLS, *SPENDING_CELLS))
        yield from (_power_name(cell, start, given.power_worlds) for cell in cells)
    for start in starts[1:]:
        yield from (_noise_name(kind, start, given.worlds) for kind in kinds)


def _noise_name(kind: str, start: int, worlds: int) -> str:
    return json.dumps(["noise", kind, start, min(start + PART_WORLDS, worlds)])


def _power_name(cell: Cell, start: int, worlds: int) -> str:
    return json.dumps(["power", cell, start, min(start + PART_WORLDS, worlds)])


def _measure(name: str, parts: MeasuredParts, oracle_worlds: int) -> None:
    what, asked, start, end = json.loads(name)
    if what == "noise":
        parts.measure(name, lambda: first_false_days(asked, range(start, end)))
        return
    cell = Cell(*asked)
    limit = parts.measure(
        json.dumps(["oracle", cell.kind, cell.years, oracle_worlds]),
        lambda: oracle.critical(
            cell.kind,
            cell.size,
            looks_of(cell.years),
            alpha=DecisionTerms().alpha,
            n_worlds=oracle_worlds,
        ),
    )
    parts.measure(name, lambda: played(cell, range(start, end), limit))


def _rows(parts: MeasuredParts) -> Measured:
    """Put parts together, each row from as many worlds as there are by now."""
    noise: dict[str, list[int]] = {kind: [] for kind in NOISE}
    power: dict[Cell, list[Played]] = {}
    limits: dict[int, float] = {}
    for name, measured in parts.parts.items():
        what, asked, *rest = json.loads(name)
        if what == "noise":
            noise[asked] += measured
        elif what == "power":
            power.setdefault(Cell(*asked), []).extend(Played(*one) for one in measured)
        else:
            limits[rest[0]] = measured
    return Measured(
        [FalsePromotions(kind, 365 * NOISE_YEARS, days) for kind, days in noise.items() if days],
        [Power(cell, power[cell]) for cell in POWER_CELLS if cell in power],
        [Power(cell, power[cell]) for cell in SPENDING_CELLS if cell in power],
        limits,
    )


if __name__ == "__main__":
    main()
