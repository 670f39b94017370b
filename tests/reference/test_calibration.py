"""Stored worlds of the pipeline tier are decided as they were; the page shows only what was measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.calibrate import report
from benchmarks.calibrate.__main__ import PAGE, in_turns, row_by_row, rows_named
from benchmarks.calibrate.held_looks import looks_in_turn
from benchmarks.calibrate.pipeline import LOOK_DAYS, MEASURED, told
from benchmarks.calibrate.results import Results
from benchmarks.calibrate.sections import SECTIONS
from benchmarks.calibrate.store import MeasuredParts
from benchmarks.calibrate.stored_worlds import N_WORLDS, KeptWorld, kept
from quant_pipelines.optimize.capital import RecordDays

WORLDS = kept()


def decided(world: KeptWorld) -> list[list[dict[str, Any]]]:
    return [told(look) for look in looks_in_turn(world.records, LOOK_DAYS, world.terms, world.held)]


def exact(looks: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Decisions, and who decided, in how many days: all that is no fraction."""
    return [{name: row[name] for name in row if name not in MEASURED} for look in looks for row in look]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.seed))
def test_stored_world_is_decided_as_the_pipeline_decided_it(world: KeptWorld) -> None:
    found = decided(world)
    assert exact(found) == exact(world.looks)
    for look, stored in zip(found, world.looks, strict=True):
        for one, other in zip(look, stored, strict=True):
            # Sums may round otherwise on another processor.
            assert [one[name] for name in MEASURED] == [
                other[name] if other[name] is None else pytest.approx(other[name], rel=1e-9)
                for name in MEASURED
            ]


def test_stored_worlds_hold_every_decision() -> None:
    assert len(WORLDS) == N_WORLDS
    decisions = {row["decision"] for world in WORLDS for row in world.looks[-1]}
    assert decisions == {"passed", "refused", "undecided"}


def test_other_days_of_a_record_are_decided_otherwise() -> None:
    """The stored answers hang on the days: they are no constants."""
    world = next(one for one in WORLDS if any(row["decision"] == "passed" for row in one.looks[-1]))

    def turned(record: RecordDays) -> RecordDays:
        return record._replace(returns=-record.returns, exposure=-record.exposure)

    other = world._replace(records=[turned(record) for record in world.records])
    assert exact(decided(other)) != exact(world.looks)


def test_the_page_is_made_of_what_was_measured() -> None:
    assert PAGE.read_text() == report.page(Results())


def test_a_row_of_newer_code_takes_its_place_once_it_has_as_many_worlds() -> None:
    results = Results()
    key = json.dumps("normal")
    before = results.rows("noise")[key]
    results.add("noise", key, "newer", before.worlds - 1, {"late": 0, "ever": 0})
    assert results.rows("noise")[key] == before
    results.add("noise", key, "newer", before.worlds, {"late": 1, "ever": 2})
    assert results.rows("noise")[key].figures == {"late": 1, "ever": 2}


def test_worlds_are_the_same_for_the_same_seed() -> None:
    record = WORLDS[0].records[0]
    assert np.isfinite(record.returns).all()
    assert record.last_day == LOOK_DAYS[-1]


@pytest.mark.parametrize("order", [in_turns, row_by_row])
@pytest.mark.parametrize("worlds", [25, 100, 130])
def test_every_world_of_a_row_is_measured_once(worlds: int, order: Any) -> None:
    seeds: dict[tuple[str, str], list[int]] = {}
    for part in order(SECTIONS, worlds):
        seeds.setdefault((part.section.name, part.key), []).extend(part.seeds)
    wanted = {one.name: [*range(min(one.most, worlds))] for one in SECTIONS}
    assert {key: sorted(found) for key, found in seeds.items()} == {key: wanted[key[0]] for key in seeds}


def test_rows_may_be_chosen_by_a_text_of_their_names() -> None:
    rows = ("no edge", "one record, Sharpe 2", ("prior", 624))
    assert rows_named(rows, "Sharpe") == ("one record, Sharpe 2",)
    assert rows_named(rows, "624") == (("prior", 624),)
    assert rows_named(rows, "") == rows


def test_worlds_of_a_shorter_run_are_not_measured_again(tmp_path: Path) -> None:
    """Runs of 30 and 40 worlds end in parts that overlap."""
    (section,) = (one for one in SECTIONS if one.name == "stress")
    asked: list[int] = []
    for worlds in (30, 40):
        found = MeasuredParts(tmp_path, section.file, section.sources)
        for whole in in_turns([section._replace(rows=section.rows[:1])], worlds):
            for part in whole.lacking(found):
                asked += part.seeds
                found.measure(part.name, lambda part=part: [*part.seeds])
    assert asked == [*range(40)]
    kept = MeasuredParts(tmp_path, section.file, section.sources)
    assert kept.worlds_of("stress", section.rows[0]) == {seed: seed for seed in range(40)}


def test_a_world_that_two_parts_hold_counts_once(tmp_path: Path) -> None:
    found = MeasuredParts(tmp_path, "stress", ())
    for start, stop in ((0, 30), (25, 50)):
        found.measure(json.dumps(["stress", "a", start, stop]), lambda: [1] * (stop - start))  # noqa: B023
    assert sorted(found.worlds_of("stress", "a")) == [*range(50)]
