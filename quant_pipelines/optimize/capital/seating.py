"""Who is asked at a look, and with whom: fixed by the first look that sees a record in a calendar year."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.capital.records import RecordDays
from quant_pipelines.optimize.decision import near_twins, weekly_looks


class Seat(NamedTuple):
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

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import Seat
    >>> Seat(7, "ema 1h v1", 7, date(2026, 1, 1)).member_id
    7
    """

    record_id: int
    pool: str
    member_id: int
    first_day: date


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
    >>> from quant_pipelines.optimize.capital import Seat, Seating
    >>> Seating(date(2026, 1, 7), (Seat(7, "ema 1h v1", 7, date(2026, 1, 1)),)).first_day
    datetime.date(2026, 1, 1)
    """

    look_day: date
    seats: tuple[Seat, ...]

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


def seated(records: Sequence[RecordDays], earlier: Sequence[Seating], look_day: date) -> Seating:
    """Seat everybody whose record reaches the day of a look.

    Who was seated before in the year keeps the seat. Newcomers of a pool that are near-twins of each other
    become one member; nobody joins a member later, which would change its old days. Days before the first
    one of the year's first look wait for the next year.

    Parameters
    ----------
    records
        Current ones, in any order.
    earlier
        Looks of the calendar year so far, in order.
    look_day
        Last day that the look sees.

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
    present = sorted((one for one in records if one.last_day >= look_day), key=lambda one: one.record_id)
    seats = [known[one.record_id] for one in present if one.record_id in known]
    origin = earlier[0].first_day if earlier else date.min
    newcomers = [one.since(origin).until(look_day) for one in present if one.record_id not in known]
    for pool in sorted({one.unit.pool for one in newcomers}):
        seats += _new_seats([one for one in newcomers if one.unit.pool == pool])
    return Seating(look_day, tuple(sorted(seats)))


def _new_seats(records: Sequence[RecordDays]) -> list[Seat]:
    """Seats of newcomers of one pool, in order of their records; the lowest of a group names it."""
    groups = near_twins(_side_by_side(records)).tolist()
    named: dict[int, int] = {}
    for group, one in zip(groups, records, strict=True):
        named.setdefault(group, one.record_id)
    return [
        Seat(one.record_id, one.unit.pool, named[group], one.first_day)
        for group, one in zip(groups, records, strict=True)
    ]


def _side_by_side(records: Sequence[RecordDays]) -> FloatArray:
    """Lay returns of records that end on one day side by side, shape (n_days, n_records); NaN before each."""
    longest = max(one.returns.size for one in records)
    return np.column_stack(
        [np.concatenate([np.full(longest - one.returns.size, np.nan), one.returns]) for one in records]
    )
