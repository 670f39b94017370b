"""Measure the capital decision's error and power, and write `docs/calibration.md` after every part.

A run that was stopped goes on where it was: parts are kept in `--store` under a digest of what they rest on.
A row is replaced once newer code has measured as many worlds of it as the page has.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.calibrate import report
from benchmarks.calibrate.results import Results
from benchmarks.calibrate.section import Section
from benchmarks.calibrate.sections import SECTIONS
from benchmarks.calibrate.store import ROOT, MeasuredParts

PAGE = ROOT / "docs" / "calibration.md"


class Part(NamedTuple):
    """Worlds of a row that are measured together."""

    section: Section
    key: Any
    seeds: range

    @property
    def name(self) -> str:
        return json.dumps([self.section.name, self.key, self.seeds.start, self.seeds.stop])


def main() -> None:
    given = _given()
    began, spent = time.perf_counter(), time.process_time()
    sections = [one for one in SECTIONS if not given.only or one.name in given.only]
    parts = {one.file: MeasuredParts(given.store, one.file, one.sources) for one in sections}
    results = Results()
    _add_known(sections, parts, results)
    for part in in_turns(sections, given.worlds):
        found = parts[part.section.file]
        if part.name in found.parts:
            continue
        found.measure(part.name, lambda part=part, found=found: part.section.measure(*part[1:], found))
        _add_known([part.section], parts, results)
        PAGE.write_text(report.page(results))
        print(f"{time.perf_counter() - began:.0f} s: {part.name}", flush=True)
    results.write()
    PAGE.write_text(report.page(results))
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    print(
        json.dumps({"worlds": results.worlds(), "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)})
    )


def _given() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    asked.add_argument("--worlds", type=int, default=2000, help="of each row, where it has no fewer")
    asked.add_argument("--only", nargs="*", choices=[one.name for one in SECTIONS], help="sections")
    asked.add_argument("--store", type=Path, default=ROOT / "build" / "calibration")
    return asked.parse_args()


def in_turns(sections: list[Section], worlds: int) -> Iterator[Part]:
    """Name a first part of every row, then a second one of each."""
    longest = max((min(one.most, worlds) for one in sections), default=0)
    for start in range(longest):
        for section in sections:
            end = min(start + section.part, section.most, worlds)
            if start % section.part == 0 and start < end:
                yield from (Part(section, key, range(start, end)) for key in section.rows)


def _add_known(sections: list[Section], parts: dict[str, MeasuredParts], results: Results) -> None:
    """Put parts together, each row from as many worlds as there are by now."""
    for section in sections:
        known = parts[section.file]
        rows: dict[str, list[Any]] = {}
        for name, measured in known.parts.items():
            what, key, *_ = json.loads(name)
            if what == section.name:
                rows.setdefault(json.dumps(key), []).extend(measured)
            elif what == "oracle" and section.name == "power":
                _, _, years, worlds = json.loads(name)
                results.add("oracle", json.dumps(years), known.code, worlds, {"limit": round(measured, 3)})
        for key, worlds in rows.items():
            results.add(section.name, key, known.code, len(worlds), section.summed(worlds))
    results.write()


if __name__ == "__main__":
    main()
