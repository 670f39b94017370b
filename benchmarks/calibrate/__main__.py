"""Measure the capital decision's error and power, and write `docs/calibration.md` after every part.

A run that was stopped goes on where it was: parts are kept in `--store` under a digest of what they rest on.
A row is replaced once newer code has measured as many worlds of it as the page has. Of a part only those of
its worlds are measured that no other run has kept, whatever number of worlds that one was asked for.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.calibrate import report
from benchmarks.calibrate.results import Results
from benchmarks.calibrate.section import Section
from benchmarks.calibrate.sections import SECTIONS
from benchmarks.calibrate.store import ROOT, MeasuredParts
from benchmarks.calibrate.world_ranges import missing_ranges

PAGE = ROOT / "docs" / "calibration.md"


class Part(NamedTuple):
    """Worlds of a row that are measured together."""

    section: Section
    key: Any
    seeds: range

    @property
    def name(self) -> str:
        return json.dumps([self.section.name, self.key, self.seeds.start, self.seeds.stop])

    def lacking(self, found: MeasuredParts) -> list["Part"]:
        """Parts of it that hold the worlds which were not measured yet."""
        known = found.worlds_of(self.section.name, self.key).keys()
        return [self._replace(seeds=seeds) for seeds in missing_ranges(self.seeds, known)]


def main() -> None:
    given = _given()
    began, spent = time.perf_counter(), time.process_time()
    asked_of = [one for one in SECTIONS if not given.only or one.name in given.only]
    sections = [one._replace(rows=rows_named(one.rows, given.rows)) for one in asked_of]
    parts = {one.file: MeasuredParts(given.store, one.file, one.sources) for one in sections}
    results = Results()
    _add_known(sections, parts, results)
    order = row_by_row if given.rows_first else in_turns
    for asked in order(sections, given.worlds):
        found = parts[asked.section.file]
        for part in asked.lacking(found):
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
    asked.add_argument("--rows", default="", help="rows whose key as JSON holds this text")
    asked.add_argument("--rows-first", action="store_true", help="end a row before the next one begins")
    asked.add_argument("--store", type=Path, default=ROOT / "build" / "calibration")
    return asked.parse_args()


def rows_named(rows: Sequence[Any], text: str) -> tuple[Any, ...]:
    """Rows whose key as JSON holds a text, in order."""
    return tuple(row for row in rows if text in json.dumps(row))


def in_turns(sections: list[Section], worlds: int) -> Iterator[Part]:
    """Name a first part of every row, then a second one of each."""
    longest = max((min(one.most, worlds) for one in sections), default=0)
    for start in range(longest):
        for section in sections:
            end = min(start + section.part, section.most, worlds)
            if start % section.part == 0 and start < end:
                yield from (Part(section, key, range(start, end)) for key in section.rows)


def row_by_row(sections: list[Section], worlds: int) -> Iterator[Part]:
    """Name all parts of a row, then those of the next one."""
    for section in sections:
        for key in section.rows:
            yield from in_turns([section._replace(rows=(key,))], worlds)


def _add_known(sections: list[Section], parts: dict[str, MeasuredParts], results: Results) -> None:
    """Put parts together, each row from as many worlds as there are by now."""
    for section in sections:
        known = parts[section.file]
        for row in section.rows:
            key, measured = json.dumps(row), known.worlds_of(section.name, row)
            if measured:
                figures = section.summed([*measured.values()])
                results.add(section.name, key, known.code, len(measured), figures)
        for name, limit in known.parts.items():
            what, _, *rest = json.loads(name)
            if what == "oracle" and section.name == "power":
                years, worlds = rest
                results.add("oracle", json.dumps(years), known.code, worlds, {"limit": round(limit, 3)})
    results.write()


if __name__ == "__main__":
    main()
