"""The weekly look as it is wired, over a calendar year: pools, and the records by themselves."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from benchmarks.calibrate.family_worlds import (
    FAMILY_EDGES,
    FAMILY_NOISE,
    FIRST_DAY,
    LOOKS_BEGIN,
    N_DAYS,
    FamilyWorld,
)
from benchmarks.calibrate.rows import over
from quant_pipelines.core.arrays import BoolArray
from quant_pipelines.optimize.capital import CapitalLook, RecordDays, Seating, YearOfLooks, seated
from quant_pipelines.optimize.decision import DecisionTerms, seen_at, weekly_looks

LOOKS = weekly_looks(FIRST_DAY, N_DAYS, since=LOOKS_BEGIN)
LOOK_DAYS = tuple(FIRST_DAY + timedelta(days=look.n_days - 1) for look in LOOKS)


class FamilyPlayed(NamedTuple):
    """One world: days of the year, 0 where nothing of the kind happened.

    ``false`` is of the first record without an edge that passed, ``pool`` of the planted pool. ``found`` and
    ``found_flat`` are shares of the records with an edge that passed by the last look: as wired, and by one
    step-down over all records without pools. ``joined`` and ``left`` count records.
    """

    false: int
    pool: int
    found: float
    found_flat: float
    joined: int
    left: int


def looks_at(
    records: Sequence[RecordDays], look_days: Sequence[date], terms: DecisionTerms
) -> list[CapitalLook]:
    """Take looks of one calendar year in order, each at those whose records reach its day."""
    seatings: list[Seating] = []
    for day in look_days:
        there = [one.until(day) for one in records if one.first_day <= day]
        seatings.append(seated(there, seatings, day))
    seats = {seat.record_id for seating in seatings for seat in seating.seats}
    known = {one.record_id: one for one in records if one.record_id in seats}
    return [*YearOfLooks(known, seatings, terms).looks()]


def family_played(kind: str, seeds: range) -> list[FamilyPlayed]:
    """Look at the worlds of a kind, of noise or with an edge."""
    made = FAMILY_NOISE.get(kind) or FAMILY_EDGES[kind]

    def play(seed: int) -> FamilyPlayed:
        world = made(np.random.default_rng([3, seed]))
        terms = DecisionTerms(seed=seed)
        return _played(world, looks_at(world.records, LOOK_DAYS, terms), terms)

    return over(seeds, play)


def _played(world: FamilyWorld, looks: Sequence[CapitalLook], terms: DecisionTerms) -> FamilyPlayed:
    false = pool = 0
    passed: set[int] = set()
    for look in looks:
        day = look.look.n_days - LOOKS_BEGIN
        now = {one.seat.record_id for one in look.results if one.evidence.decision == "passed"}
        passed |= now
        false = false or (day if now - world.edges else 0)
        is_pool = any(one.pool_passed for one in look.results if one.seat.record_id in world.edges)
        pool = pool or (day if is_pool else 0)
    found = flat = 0.0
    if world.edges:
        found = len(passed & world.edges) / len(world.edges)
        flat = float(_flat_passed(world, terms)[sorted(world.edges)].mean())
    last = FIRST_DAY + timedelta(days=N_DAYS - 1)
    begins = FIRST_DAY + timedelta(days=LOOKS_BEGIN)
    joined = sum(one.first_day > begins for one in world.records)
    return FamilyPlayed(
        false, pool, found, flat, joined, left=sum(begins < one.last_day < last for one in world.records)
    )


def _flat_passed(world: FamilyWorld, terms: DecisionTerms) -> BoolArray:
    """Who passes a step-down over all records without pools; of records that are all there."""
    returns = np.column_stack([one.returns for one in world.records])
    *_, last = seen_at(returns, LOOKS, terms)
    return last.passed
