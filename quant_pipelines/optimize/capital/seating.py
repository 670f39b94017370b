"""Who is asked at a look, and with whom: fixed by the first look that sees a record in a calendar year."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.capital.records import RecordDays
from quant_pipelines.optimize.decision import DecisionTerms, near_twins, weekly_looks

_SAME_DAY = 1e-9
"""Difference of two daily returns that are one: rounding of sums in another order."""


class FamilySeat(NamedTuple):
    """A record's place in the looks of a calendar year.

    Parameters
    ----------
    record_id
        Key of the record.
    pool
        Its pool; see ``Unit``.
    member_id
        Lowest record of those that are one member with it: near-twins of its pool, or itself alone.
    first_day
        First of its days that counts in this year.
    last_day
        Last of its days that the look saw; None where it reached the day of the look.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import FamilySeat
    >>> FamilySeat(7, "ema 1h v1", 7, date(2026, 1, 1)).member_id
    7
    """

    record_id: int
    pool: str
    member_id: int
    first_day: date
    last_day: date | None = None


class Seating(NamedTuple):
    """Everybody who is asked at one look.

    Parameters
    ----------
    look_day
        Last UTC day that the look sees.
    seats
        By record.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import FamilySeat, Seating
    >>> Seating(date(2026, 1, 7), (FamilySeat(7, "ema 1h v1", 7, date(2026, 1, 1)),)).first_day
    datetime.date(2026, 1, 1)
    """

    look_day: date
    seats: tuple[FamilySeat, ...]

    @property
    def first_day(self) -> date:
        """First day of them all."""
        return min(seat.first_day for seat in self.seats)


def newest_look_day(yesterday: date) -> date:
    """Day of the newest look that the calendar has, up to the last day that is over.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import newest_look_day
    >>> newest_look_day(date(2026, 1, 14)), newest_look_day(date(2026, 1, 20))
    (datetime.date(2026, 1, 14), datetime.date(2026, 1, 14))
    """
    first = yesterday - timedelta(days=20)
    return first + timedelta(days=weekly_looks(first, 21)[-1].n_days - 1)


def following_look_day(look_day: date) -> date:
    """Day of the look after one.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import following_look_day
    >>> following_look_day(date(2026, 1, 7)), following_look_day(date(2026, 12, 23))
    (datetime.date(2026, 1, 14), datetime.date(2026, 12, 31))
    """
    return next(
        day for day in (look_day + timedelta(days=n) for n in range(1, 15)) if newest_look_day(day) == day
    )


def seated(
    records: Sequence[RecordDays],
    earlier: Sequence[Seating],
    look_day: date,
    *,
    least_days: int = DecisionTerms().least_days,
) -> Seating:
    """FamilySeat everybody whose record reaches the day of a look, and whom no look of the year has seen yet.

    A record that has ended (its text was edited, its settings changed) is a candidate that was tried: with
    the days that a test needs it gets a seat once, and from then on counts by the days it has. Whoever chose
    the best of fifty texts pays for fifty, in each year: what is found in a longer record of the best one is
    less than what the other forty-nine together count for, since the new days are common to whatever was
    chosen (Slepian's inequality).

    One that has ended, and all of whose days are those of another record of its strategy, timeframe and
    symbol that is there, is that record under another key (what computes days was edited, and gave the same
    ones): nobody can have chosen between the two by what they earned, and it is no candidate besides.

    Who was seated before in the year keeps the seat. Newcomers of a pool that are near-twins of each other
    become one member; nobody joins a member later, which would change its old days. Days before the first
    one of the year's first look wait for the next year.

    Parameters
    ----------
    records
        All there are, in any order.
    earlier
        Looks of the calendar year so far, in order.
    look_day
        Last day that the look sees.
    least_days
        Days that one which has ended must have.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit, seated
    >>> def record(number, days):
    ...     unit = Unit(number, "ema", "1h", f"S{number}", "ema 1h v1")
    ...     unknown = np.full(days.size, np.nan)
    ...     return RecordDays(unit, date(2026, 1, 1), days, unknown, unknown)
    >>> one, other = np.random.default_rng(1).normal(0.0, 0.01, (2, 70))
    >>> found = seated([record(3, other), record(2, 2.0 * one), record(1, one)], [], date(2026, 3, 11))
    >>> [(seat.record_id, seat.member_id) for seat in found.seats]
    [(1, 1), (2, 1), (3, 3)]
    """
    known = {seat.record_id: seat for seating in earlier for seat in seating.seats}
    inside = [one.until(look_day) for one in sorted(records, key=lambda one: one.record_id)]
    seats = [
        known[one.record_id]._replace(last_day=None)
        for one in inside
        if one.record_id in known and one.last_day >= look_day
    ]
    origin = earlier[0].first_day if earlier else date.min
    newcomers = [one.since(origin) for one in inside if one.record_id not in known]
    newcomers = [one for one in newcomers if _is_candidate(one, look_day, least_days)]
    growing = [one for one in inside if one.last_day >= look_day]
    newcomers = [one for one in newcomers if not _is_repeated(one, look_day, growing)]
    for pool in sorted({one.unit.pool for one in newcomers}):
        seats += _new_seats([one for one in newcomers if one.unit.pool == pool], look_day)
    return Seating(look_day, tuple(sorted(seats, key=lambda seat: seat.record_id)))


def _is_candidate(record: RecordDays, look_day: date, least_days: int) -> bool:
    return record.returns.size > 0 and (record.last_day >= look_day or record.returns.size >= least_days)


def _is_repeated(record: RecordDays, look_day: date, growing: Sequence[RecordDays]) -> bool:
    """Whether it has ended, and one that goes on has all of its days."""
    if record.last_day >= look_day:
        return False
    n_days = record.returns.size
    same = (one for one in growing if one.unit[1:4] == record.unit[1:4])
    parts = (one.since(record.first_day).until(record.last_day) for one in same)
    return any(
        part.returns.size == n_days and np.allclose(part.returns, record.returns, rtol=0.0, atol=_SAME_DAY)
        for part in parts
    )


def _new_seats(records: Sequence[RecordDays], look_day: date) -> list[FamilySeat]:
    """Seats of newcomers of one pool, in order of their records; the lowest of a group names it."""
    groups = near_twins(_side_by_side(records)).tolist()
    named: dict[int, int] = {}
    for group, one in zip(groups, records, strict=True):
        named.setdefault(group, one.record_id)
    ends = (one.last_day if one.last_day < look_day else None for one in records)
    return [
        FamilySeat(one.record_id, one.unit.pool, named[group], one.first_day, end)
        for group, one, end in zip(groups, records, ends, strict=True)
    ]


def _side_by_side(records: Sequence[RecordDays]) -> FloatArray:
    """Lay returns side by side by their days, shape (n_days, n_records); NaN before and behind each."""
    first, last = min(one.first_day for one in records), max(one.last_day for one in records)
    days = np.full(((last - first).days + 1, len(records)), np.nan)
    for place, one in enumerate(records):
        begin = (one.first_day - first).days
        days[begin : begin + one.returns.size, place] = one.returns
    return days
