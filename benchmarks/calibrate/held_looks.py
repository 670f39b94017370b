"""Looks of a calendar year in turn, as a database takes them of records whose holdings are known.

Who holds for too long is asked later, and where a holding has outgrown the blocks, they grow: the looks from
then on have the error that those before have left.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from quant_pipelines.optimize.capital import (
    AskedRecords,
    CapitalLook,
    PassedBefore,
    RecordDays,
    Seating,
    YearOfLooks,
    holdings_asked,
    longest_holding_of,
    seated,
    slow_result,
)
from quant_pipelines.optimize.decision import DecisionTerms


def looks_in_turn(
    records: Sequence[RecordDays],
    look_days: Sequence[date],
    terms: DecisionTerms,
    held: Sequence[Mapping[int, int]],
) -> list[CapitalLook]:
    """Take looks of one calendar year in order.

    Parameters
    ----------
    records, look_days
        Who is looked at, and when.
    terms
        Of the first look.
    held
        Whole days of each record's longest holding, by record, until each look.
    """
    taken: list[CapitalLook] = []
    seatings: list[Seating] = []
    used: list[DecisionTerms] = []
    known = {one.record_id: one for one in records}
    for day, held_by_now in zip(look_days, held, strict=True):
        days = holdings_asked(held_by_now, _passed(taken).records)
        there = [one.until(day) for one in records if one.first_day <= day]
        asked = AskedRecords.of(there, days, terms)
        if taken:
            longest = longest_holding_of([days[one.record_id] for one in asked.records], terms)
            terms = terms._replace(longest_holding_days=longest)
        used.append(terms)
        seatings.append(seated(asked.records, seatings, day, least_days=terms.least_days))
        n_before = max((at + 1 for at, one in enumerate(used) if one != terms), default=0)
        *_, look = YearOfLooks(known, seatings, terms, _passed(taken[:n_before])).looks()
        slow = (slow_result(one, days[one.record_id], day, terms) for one in asked.slow)
        taken.append(look._replace(results=(*look.results, *slow)))
    return taken


def _passed(looks: Sequence[CapitalLook]) -> PassedBefore:
    """What passed in looks that other terms have taken."""
    results = [one for look in looks for one in look.results if one.pool_passed]
    return PassedBefore(
        frozenset(one.seat.record_id for one in results if one.evidence.decision == "passed"),
        frozenset(one.seat.pool for one in results),
        len(looks),
        looks[-1].alpha_spent if looks else 0.0,
    )
