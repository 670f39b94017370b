"""Stored worlds of the pipeline tier are decided as they were; the page shows only what was measured."""

import json
from typing import Any

import numpy as np
import pytest

from benchmarks.calibrate import report
from benchmarks.calibrate.__main__ import PAGE, in_turns
from benchmarks.calibrate.held_looks import looks_in_turn
from benchmarks.calibrate.pipeline import LOOK_DAYS, MEASURED, told
from benchmarks.calibrate.results import Results
from benchmarks.calibrate.sections import SECTIONS
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


@pytest.mark.parametrize("worlds", [25, 100, 130])
def test_every_world_of_a_row_is_measured_once(worlds: int) -> None:
    seeds: dict[tuple[str, str], list[int]] = {}
    for part in in_turns(SECTIONS, worlds):
        seeds.setdefault((part.section.name, part.key), []).extend(part.seeds)
    wanted = {one.name: [*range(min(one.most, worlds))] for one in SECTIONS}
    assert {key: sorted(found) for key, found in seeds.items()} == {key: wanted[key[0]] for key in seeds}
