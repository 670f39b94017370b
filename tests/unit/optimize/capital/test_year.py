"""A calendar year of looks: who passes by which question, and what a new year does."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from quant_pipelines.optimize.capital import (
    CapitalLook,
    PassedBefore,
    RecordDays,
    Seating,
    Unit,
    YearOfLooks,
    newest_look_day,
    seated,
)
from quant_pipelines.optimize.decision import (
    POOL_SHARE,
    DecisionTerms,
    evidence_of_record,
    told_decider,
    weekly_looks,
)

FIRST = date(2025, 1, 1)
END = date(2026, 12, 31)
N_DAYS = (END - FIRST).days + 1
TERMS = DecisionTerms(n_paths=1999)


def record(
    number: int, *, edge: float = 0.0, name: str = "ema", version: int = 1, since: date = FIRST
) -> RecordDays:
    """Days of a volatility of 2 % with an annual Sharpe ratio; nothing is known of what was held."""
    chance = np.random.default_rng([4, number])
    days = 0.02 * (chance.standard_normal(N_DAYS) + edge / np.sqrt(365))
    unknown = np.full(N_DAYS, np.nan)
    unit = Unit(number, name, "1h", f"S{number}", f"{name} 1h v{version}")
    return RecordDays(unit, FIRST, days, unknown, unknown).since(since)


def looks(
    records: Sequence[RecordDays], days: Sequence[date] = (END,), before: PassedBefore | None = None
) -> list[CapitalLook]:
    seatings: list[Seating] = []
    for day in days:
        seatings.append(seated([one for one in records if one.first_day <= day], seatings, day))
    year = YearOfLooks({one.record_id: one for one in records}, seatings, TERMS, before or PassedBefore())
    return [*year.looks()]


def decided(look: CapitalLook) -> dict[int, tuple[str, str]]:
    return {one.seat.record_id: (one.evidence.decision, one.evidence.decided_by) for one in look.results}


def test_days_to_wait_are_told_by_the_error_that_its_level_may_spend() -> None:
    """One that is alone in its pool waits as long as a family of its own would at the pools' half."""
    alone, n_days = record(1, edge=2.0), (date(2026, 6, 24) - FIRST).days + 1
    days = [FIRST + timedelta(days=one.n_days - 1) for one in weekly_looks(FIRST, n_days) if one.year == 2026]
    told = looks([alone], days)[-1].results[0].evidence
    half = TERMS._replace(alpha=POOL_SHARE * TERMS.alpha)
    by_itself = evidence_of_record(alone.returns[:n_days], FIRST, terms=half)
    assert (told.decision, told.look_day, told.statistic) == (
        "undecided",
        by_itself.look_day,
        pytest.approx(by_itself.statistic),
    )
    assert (told.more_days, told.fewest_more_days, told.most_more_days) == (
        by_itself.more_days,
        by_itself.fewest_more_days,
        by_itself.most_more_days,
    )


def test_a_symbol_passes_only_by_itself() -> None:
    (look,) = looks([record(1, edge=6.0), record(2, edge=6.0), record(3, edge=0.5)])
    assert decided(look) == {
        1: ("passed", "symbol"),
        2: ("passed", "symbol"),
        3: ("refused", "symbol"),
    }
    assert {one.pool_passed for one in look.results} == {True}


def test_an_edge_that_one_symbol_has_passes_without_its_pool() -> None:
    """A pool of six had to pass first: in it the edge of one is a sixth of what moves."""
    (look,) = looks([record(1, edge=4.0), *(record(number, edge=-1.0) for number in range(2, 7))])
    assert decided(look)[1] == ("passed", "symbol")
    assert {one.pool_passed for one in look.results} == {False}


def test_who_is_alone_in_its_pool_passes_with_it() -> None:
    (look,) = looks([record(1, edge=4.0), record(2, name="rsi")])
    assert decided(look)[1] == ("passed", "pool")
    assert look.results[0].evidence.tests == 2


def test_a_short_record_is_not_decided_yet() -> None:
    (look,) = looks([record(1), record(2, name="rsi", since=END - timedelta(days=30))])
    assert decided(look)[2] == ("undecided", "too_short")
    assert look.results[1].evidence.fewest_more_days == 60 - 31


def test_a_long_record_that_never_moves_is_not_called_short() -> None:
    still = record(2, name="rsi")
    (look,) = looks([record(1), still._replace(returns=np.zeros(N_DAYS))])
    evidence = look.results[1].evidence
    assert (evidence.decision, evidence.fewest_more_days) == ("undecided", None)
    assert told_decider(evidence).startswith("its record moves too seldom to be tested")


def test_another_version_is_a_pool_of_its_own() -> None:
    (look,) = looks([record(1, edge=6.0), record(2, version=2)])
    assert [one.pool_passed for one in look.results] == [True, False]


def test_a_record_that_only_holds_the_market_is_kept_by_the_second_null() -> None:
    market = record(1, edge=6.0).returns
    held = record(1)._replace(
        returns=market + 0.01 * record(2, edge=-2.0).returns, exposure=np.ones(N_DAYS), holding=market
    )
    blind = held._replace(exposure=np.full(N_DAYS, np.nan))
    ((aware,), (unaware,)) = looks([held]), looks([blind])
    assert (aware.results[0].evidence.decision, aware.results[0].is_beyond_tested) == ("refused", True)
    assert (unaware.results[0].evidence.decision, unaware.results[0].is_beyond_tested) == ("passed", False)


def test_a_new_year_asks_nobody_again_who_has_passed() -> None:
    records = [record(1, edge=6.0), record(2, edge=-6.0), record(3)]
    before = PassedBefore(frozenset({2}), frozenset({"ema 1h v1"}))
    (look,) = looks(records, before=before)
    assert decided(look)[2] == ("passed", "symbol")
    assert decided(look)[1] == ("passed", "symbol")
    assert decided(look)[3][0] != "passed"


def test_who_is_left_alone_in_a_pool_of_last_year_is_asked_itself() -> None:
    before = PassedBefore(frozenset(), frozenset({"ema 1h v1"}))
    (look,) = looks([record(3)], before=before)
    assert decided(look)[3][0] != "passed"


def test_older_days_of_a_joiner_wait_for_the_next_year() -> None:
    young, old = record(1, since=date(2025, 6, 1)), record(2)
    first = seated([young], [], date(2026, 1, 7))
    second = seated([young, old], [first], date(2026, 1, 14))
    assert [seat.first_day for seat in second.seats] == [date(2025, 6, 1)] * 2


@pytest.mark.parametrize(
    ("yesterday", "look_day"),
    [
        (date(2026, 1, 6), date(2025, 12, 31)),
        (date(2026, 1, 7), date(2026, 1, 7)),
        (date(2026, 12, 30), date(2026, 12, 23)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2028, 12, 31), date(2028, 12, 31)),
    ],
)
def test_looks_end_with_full_weeks_of_the_year_and_with_its_last_day(yesterday: date, look_day: date) -> None:
    assert newest_look_day(yesterday) == look_day


def test_a_joiner_changes_no_look_that_asked_nobody_inside_a_pool_before() -> None:
    """The block of the members hung on everybody in the matrix, also on those who came weeks later."""
    alone, second = record(1, edge=6.0), record(2, edge=3.0)
    slow = record(3, name="rsi")
    drift = np.convolve(slow.returns, np.ones(20) / 20.0, mode="same")
    later = slow._replace(returns=drift)
    days = [date(2026, 1, day) for day in (7, 14, 21)]
    there = [[alone], [alone, second], [alone, second, later]]
    seatings: list[Seating] = []
    told: list[CapitalLook] = []
    for day, records in zip(days, there, strict=True):
        seatings.append(seated(records, seatings, day))
        replayed = [*YearOfLooks({one.record_id: one for one in records}, seatings, TERMS).looks()]
        assert replayed[:-1] == told
        told.append(replayed[-1])
    assert [look.symbol_block for look in told] == [TERMS.longest_holding_days, 3, 3]


def test_whoever_keeps_the_best_of_many_texts_pays_for_all_of_them() -> None:
    """Noise: ten texts are tried on the same days, and the best goes on. Alone it passes far too often."""
    terms = DecisionTerms(n_paths=199, alpha=0.1)
    ended, n_worlds = date(2026, 12, 10), 60
    false = np.zeros(2)
    for world in range(n_worlds):
        chance = np.random.default_rng([7, world])
        tried = [
            record(number, name=f"edit {number}")._replace(returns=0.01 * chance.standard_normal(N_DAYS))
            for number in range(10)
        ]
        tried = [one.since(date(2026, 8, 1)) for one in tried]
        best = max(tried, key=lambda one: float(one.until(ended).returns.mean()))
        others = [one.until(ended) for one in tried if one is not best]
        for at, asked in enumerate(([best], [best, *others])):
            known = {one.record_id: one for one in asked}
            (look,) = YearOfLooks(known, [seated(asked, [], END)], terms).looks()
            false[at] += any(one.evidence.decision == "passed" for one in look.results)
    assert false[0] > 0.25 * n_worlds
    assert false[1] <= 9.0  # pools spend 5 %: 3 of them are to be expected, with a standard error of 1.7


def ended(number: int, like: RecordDays, *, version: int = 1) -> RecordDays:
    """The first half of a record under another key."""
    unit = Unit(number, like.unit.strategy, "1h", like.unit.symbol, f"{like.unit.strategy} 1h v{version}")
    return like._replace(unit=unit).until(FIRST + timedelta(days=300))


def test_a_record_that_was_only_computed_again_is_one_candidate() -> None:
    again = record(2, version=2)
    before = ended(1, again)
    found = seated([before, again], [], END)
    assert [seat.record_id for seat in found.seats] == [2]


@pytest.mark.parametrize("what", ["a day", "a symbol", "its begin"])
def test_a_record_that_differs_is_another_candidate(what: str) -> None:
    again = record(2, version=2)
    before = ended(1, again)
    if what == "a day":
        days = before.returns.copy()
        days[100] += 1e-6
        before = before._replace(returns=days)
    elif what == "a symbol":
        before = before._replace(unit=before.unit._replace(symbol="S9"))
    else:
        again = again.since(FIRST + timedelta(days=1))
    found = seated([before, again], [], END)
    assert [seat.record_id for seat in found.seats] == [1, 2]


def test_a_record_that_was_asked_keeps_its_seat_when_it_is_computed_again() -> None:
    again = record(2, version=2)
    before = ended(1, again)
    middle = newest_look_day(before.last_day)
    first = seated([before], [], middle)
    found = seated([before, again], [first], END)
    assert [seat.record_id for seat in (*first.seats, *found.seats)] == [1, 2]
    both = {1: before, 2: again}
    (*_, look) = YearOfLooks(both, [first, found], TERMS).looks()
    assert look.n_asked == 2
