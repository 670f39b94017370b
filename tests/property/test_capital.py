"""Looks at stored records: what one has said, no later day, joiner, leaver or latecomer changes."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.optimize.capital import (
    CapitalLook,
    PassedBefore,
    RecordDays,
    Seating,
    Unit,
    YearOfLooks,
    beyond_holding,
    newest_look_day,
    seated,
)
from quant_pipelines.optimize.decision import DecisionTerms
from tests.property.examples import examples

FIRST = date(2025, 9, 1)
LOOK_DAYS = tuple(newest_look_day(date(2026, 1, 10) + timedelta(days=7 * week)) for week in range(8))
TERMS = DecisionTerms(n_paths=199, alpha=0.2, spending="linear")
N_DAYS = (LOOK_DAYS[-1] - FIRST).days + 1
UNITS = (("ema", "BTC"), ("ema", "ETH"), ("ema", "SOL"), ("rsi", "BTC"), ("rsi", "ETH"), ("turtle", "BTC"))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[RecordDays], list[list[int]]]:
    """Records with or without an edge, two of them twins, and who has reached the day of each look."""
    seed = draw(st.integers(0, 2**32 - 1))
    chance = np.random.default_rng(seed)
    days = 0.01 * chance.standard_normal((N_DAYS, len(UNITS)))
    days += [draw(st.sampled_from([0.0, 0.003])) for _ in UNITS]
    days[:, 1] = days[:, 0] * 2.0 + 1e-4 * chance.standard_normal(N_DAYS)
    held = chance.uniform(-1.0, 1.0, (2, N_DAYS, len(UNITS))) * [[[1.0]], [[0.02]]]
    records = []
    for number, (name, symbol) in enumerate(UNITS):
        begin = draw(st.sampled_from([0, 0, 5, 40]))
        unit = Unit(number + 1, name, "1h", symbol, f"{name} 1h v1")
        parts = [part[begin:, number] for part in (days, *held)]
        records.append(RecordDays(unit, FIRST + timedelta(days=begin), *parts))
    absent = st.lists(st.integers(1, len(UNITS)), max_size=2)
    gone = [draw(absent) for _ in LOOK_DAYS]
    return records, gone


def seatings_of(records: Sequence[RecordDays], gone: Sequence[Sequence[int]]) -> list[Seating]:
    seatings: list[Seating] = []
    for day, missing in zip(LOOK_DAYS, gone, strict=True):
        known = as_known_at(records, day, missing)
        seatings.append(seated([*known.values()], seatings, day))
    return seatings


def as_known_at(records: Sequence[RecordDays], day: date, missing: Sequence[int]) -> dict[int, RecordDays]:
    """What the database had: those who missed the look lack some days before it, and may come back."""
    return {
        one.record_id: one.until(day - timedelta(days=3 if one.record_id in missing else 0))
        for one in records
    }


def told(look: CapitalLook) -> tuple[object, ...]:
    return look.look, look.block, look.symbol_block, look.critical, look.results


@settings(max_examples=examples(20))
@given(worlds())
def test_later_days_joiners_leavers_and_latecomers_change_no_look_of_before(
    world: tuple[list[RecordDays], list[list[int]]],
) -> None:
    records, gone = world
    seatings = seatings_of(records, gone)
    whole = [*YearOfLooks({one.record_id: one for one in records}, seatings, TERMS).looks()]
    for at in (0, 3, 6):
        known = as_known_at(records, LOOK_DAYS[at], gone[at])
        *_, live = YearOfLooks(known, seatings[: at + 1], TERMS).looks()
        assert told(live) == told(whole[at])


@settings(max_examples=examples(10))
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_records_is_irrelevant(
    world: tuple[list[RecordDays], list[list[int]]], shuffle: st.DataObject
) -> None:
    records, gone = world
    mixed = [*records]
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = seatings_of(records, gone), seatings_of(mixed, gone)
    assert one == other

    def last_of(of: Mapping[int, RecordDays]) -> CapitalLook:
        *_, last = YearOfLooks(of, one, TERMS).looks()
        return last

    in_order, shuffled = (last_of({r.record_id: r for r in kept}) for kept in (records, mixed))
    assert told(in_order) == told(shuffled)


@settings(max_examples=examples(20))
@given(worlds())
def test_what_has_passed_stays_passed_and_who_is_asked_as_a_pool_passes_with_it(
    world: tuple[list[RecordDays], list[list[int]]],
) -> None:
    records, gone = world
    passed: set[int] = set()
    year = YearOfLooks({one.record_id: one for one in records}, seatings_of(records, gone), TERMS)
    for look in year.looks():
        for one in look.results:
            has_passed = one.evidence.decision == "passed"
            assert has_passed or one.seat.record_id not in passed
            assert one.pool_passed or not has_passed or one.evidence.decided_by == "symbol"
            if has_passed:
                passed.add(one.seat.record_id)


@settings(max_examples=examples(15))
@given(worlds(), st.integers(1, len(LOOK_DAYS) - 1), st.floats(0.0, 0.2))
def test_a_decision_that_changes_is_granted_no_new_error(
    world: tuple[list[RecordDays], list[list[int]]], n_looks: int, spent: float
) -> None:
    records, gone = world
    known = {one.record_id: one for one in records}
    before = PassedBefore(n_looks=n_looks, spent=spent)
    looks = [*YearOfLooks(known, seatings_of(records, gone), TERMS, before).looks()]
    assert [look.seating.look_day for look in looks] == [*LOOK_DAYS[n_looks:]]
    by_now = [spent, *(look.alpha_spent for look in looks)]
    # Two shares of what was spent add up to it but for the last bit.
    assert min(np.diff(by_now)) >= -1e-12
    assert by_now[-1] <= TERMS.alpha + 1e-12


@settings(max_examples=examples(15))
@given(worlds(), st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_text_that_was_tried_and_given_up_helps_nobody(
    world: tuple[list[RecordDays], list[list[int]]], seed: int, n_edits: int
) -> None:
    records = sorted(world[0], key=lambda one: one.first_day)
    # Blocks longer than any that so independent days ask for: nobody changes those of the others.
    terms = TERMS._replace(longest_holding_days=10)
    chance = np.random.default_rng(seed)
    edits = []
    for number in range(n_edits):
        unit = Unit(100 + number, "rsi", "1h", "BTC", f"rsi 1h edit {number}")
        days = 0.01 * chance.standard_normal(100)
        days -= max(days.mean(), 0.0)
        edits.append(RecordDays(unit, records[0].first_day, days, np.zeros(100), np.zeros(100)))

    def passed(asked: list[RecordDays]) -> set[int]:
        (*_, last) = YearOfLooks(
            {one.record_id: one for one in asked}, [seated(asked, [], LOOK_DAYS[-1])], terms
        ).looks()
        return {one.seat.record_id for one in last.results if one.evidence.decision == "passed"}

    assert passed([*records, *edits]) <= passed(records)


@given(st.integers(0, 2**32 - 1), st.integers(1, 49), st.lists(st.integers(0, 49), max_size=5))
def test_a_day_beyond_holding_never_changes(seed: int, known: int, unknown: list[int]) -> None:
    returns, exposure, holding = np.random.default_rng(seed).standard_normal((3, 50))
    exposure[unknown] = np.nan
    whole = beyond_holding(returns, exposure, holding)
    assert (
        whole[:known].tolist() == beyond_holding(returns[:known], exposure[:known], holding[:known]).tolist()
    )
    assert whole[unknown].tolist() == returns[unknown].tolist()
