"""Worlds of the pipeline tier that CI decides again: `python -m benchmarks.calibrate.stored_worlds`.

What is stored are the days of each record and what the looks in the database said of them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibrate.pipeline import StoredWorld, new_database, searched_world
from benchmarks.calibrate.store import ROOT
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.capital import RecordDays, Unit
from quant_pipelines.optimize.decision import DecisionTerms

FOLDER = ROOT / "tests" / "reference"
N_WORLDS = 20
_DAYS, _SAID = "calibration_worlds.npz", "calibration_worlds.json"


class KeptWorld(NamedTuple):
    """Records, terms, what each look said of each record, and how long it had held by then in whole days."""

    seed: int
    records: list[RecordDays]
    terms: DecisionTerms
    looks: list[list[dict[str, Any]]]
    held: list[dict[int, int]]


def keep(worlds: Mapping[int, StoredWorld], folder: Path = FOLDER) -> None:
    """Write worlds by seed."""
    days: dict[str, FloatArray] = {}
    said = []
    for seed, world in worlds.items():
        records = [one.days() for one in world.searched]
        for record in records:
            days[f"{seed} {record.record_id}"] = np.array([record.returns, record.exposure, record.holding])
        units = [
            {"first_day": record.first_day.isoformat(), "unit": one.unit._asdict(), "held": one.held()}
            for one, record in zip(world.searched, records, strict=True)
        ]
        said.append({"seed": seed, "terms": world.terms._asdict(), "records": units, "looks": world.looks})
    np.savez_compressed(folder / _DAYS, **days)  # type: ignore[arg-type]
    (folder / _SAID).write_text(json.dumps(said, indent=1) + "\n")


def kept(folder: Path = FOLDER) -> list[KeptWorld]:
    """Read them."""
    with np.load(folder / _DAYS) as days:
        return [
            KeptWorld(
                one["seed"],
                [
                    _record(record, days[f"{one['seed']} {record['unit']['record_id']}"])
                    for record in one["records"]
                ],
                DecisionTerms(**one["terms"]),
                one["looks"],
                [
                    {record["unit"]["record_id"]: record["held"][at] for record in one["records"]}
                    for at in range(len(one["looks"]))
                ],
            )
            for one in json.loads((folder / _SAID).read_text())
        ]


def _record(stored: Mapping[str, Any], days: Sequence[FloatArray]) -> RecordDays:
    return RecordDays(Unit(**stored["unit"]), date.fromisoformat(stored["first_day"]), *days)


def main() -> None:
    with new_database() as engine:
        keep({seed: searched_world(engine, seed) for seed in range(N_WORLDS)})


if __name__ == "__main__":
    main()
