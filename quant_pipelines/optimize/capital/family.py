"""The year's family as matrices of days: pools, members inside them, and who is asked at which look.

A day that a look has seen never changes in them, whoever joins, leaves or comes late afterwards.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.optimize.capital.records import RecordDays, beyond_holding
from quant_pipelines.optimize.capital.seating import Seating
from quant_pipelines.optimize.decision import Look, Pools, pooled_at_equal_risk


class Family(NamedTuple):
    """Everybody who was asked in a calendar year up to a look.

    Parameters
    ----------
    looks
        In order.
    record_ids
        In order.
    pools, members
        Their days; labels are pool names and member ids.
    pool_of, member_of
        Place of each record's pool and member.
    parent_of
        Place of each member's pool.
    pools_present, members_present
        Whether any of its records was there at a look. ndarray of shape (n_looks, n_labels), bool.
    crowded
        Whether a member's pool has had another member by a look. Shape (n_looks, n_members), bool.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import Family
    >>> Family._fields[:2]
    ('looks', 'record_ids')
    """

    looks: tuple[Look, ...]
    record_ids: tuple[int, ...]
    pools: Pools
    members: Pools
    pool_of: tuple[int, ...]
    member_of: tuple[int, ...]
    parent_of: tuple[int, ...]
    pools_present: BoolArray
    members_present: BoolArray
    crowded: BoolArray


class _Columns(NamedTuple):
    """Days of all records side by side, shape (n_days, n_records)."""

    returns: FloatArray
    beyond: FloatArray


def family_of(records: Mapping[int, RecordDays], seatings: Sequence[Seating]) -> Family:
    """Lay the days of all who were ever seated in the year side by side.

    A pool has the whole records of those who were there at its first look, and of everybody who joins later
    the days from the look before on. A week whose look a record missed is flat for good, in its pool and for
    itself: what stands without it at that look must stand so whenever the look is replayed.

    Parameters
    ----------
    records
        By id; all who have a seat.
    seatings
        Looks of one calendar year, in order; at least one.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit, family_of, seated
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, (70, 2))
    >>> units = [Unit(k, "ema", "1h", f"S{k}", "ema 1h v1") for k in (0, 1)]
    >>> records = {k: RecordDays(units[k], date(2026, 1, 1), days[:, k], *days.T) for k in (0, 1)}
    >>> family = family_of(records, [seated([*records.values()], [], date(2026, 3, 11))])
    >>> family.pools.returns.shape, family.members.labels, family.crowded
    ((70, 1), (0, 1), array([[ True,  True]]))
    """
    seats = {seat.record_id: seat for seating in seatings for seat in seating.seats}
    order = sorted(seats)
    origin, last = seatings[0].first_day, seatings[-1].look_day
    counting = [records[number].since(seats[number].first_day).until(last) for number in order]
    columns = _columns(counting, origin, last)
    ends = np.array([_ends(seating, order, origin) for seating in seatings])
    present = ends > 0
    looks = tuple(_look(seating.look_day, origin) for seating in seatings)
    labels = [seats[number].pool for number in order]
    counted = _counted(ends, looks, labels)
    pools = pooled_at_equal_risk(columns.returns, labels, beyond_holding=columns.beyond, counted=counted)
    member_ids = [seats[number].member_id for number in order]
    own = _counted(ends, looks, order)
    members = _members(_flat_unless(own, columns), member_ids, counted)
    pool_of = tuple(pools.labels.index(label) for label in labels)
    member_of = tuple(members.labels.index(label) for label in member_ids)
    parents = dict(zip(member_of, pool_of, strict=True))
    parent_of = tuple(parents[place] for place in range(len(members.labels)))
    pools_present, members_present = _any_of(present, pool_of), _any_of(present, member_of)
    crowded = _crowded(members_present, parent_of)
    return Family(
        looks,
        tuple(order),
        pools,
        members,
        pool_of,
        member_of,
        parent_of,
        pools_present,
        members_present,
        crowded,
    )


def _ends(seating: Seating, order: Sequence[int], origin: date) -> list[int]:
    """Days that a look may count of each record, from the first of all; 0 of one that is not there."""
    last = {seat.record_id: seat.last_day or seating.look_day for seat in seating.seats}
    return [(last[number] - origin).days + 1 if number in last else 0 for number in order]


def _look(day: date, origin: date) -> Look:
    last = date(day.year, 12, 31).timetuple().tm_yday
    return Look((day - origin).days + 1, day.year, day.timetuple().tm_yday / last)


def _columns(records: Sequence[RecordDays], origin: date, last: date) -> _Columns:
    """Days from the origin on, NaN before a record; one that is not known yet stands as a flat one.

    Such a day is at the record's end: it is in no pool, and its record is not asked before the day is there.
    """
    n_days = (last - origin).days + 1
    returns, beyond = np.zeros((2, n_days, len(records)))
    for place, record in enumerate(records):
        begin = (record.first_day - origin).days
        days = slice(begin, begin + record.returns.size)
        returns[:begin, place] = beyond[:begin, place] = np.nan
        returns[days, place] = record.returns
        beyond[days, place] = beyond_holding(record.returns, record.exposure, record.holding)
    return _Columns(returns, beyond)


def _counted(ends: IntArray, looks: Sequence[Look], labels: Sequence[Hashable]) -> BoolArray:
    """Whether a record is part of its group on a day, shape (n_days, n_records)."""
    rows = np.arange(looks[-1].n_days)[:, None]
    counted = np.zeros((rows.size, len(labels)), dtype=bool)
    begun: set[Hashable] = set()
    before = 0
    for look, end in zip(looks, ends, strict=True):
        new = {label for label, is_here in zip(labels, end > 0, strict=True) if is_here} - begun
        founds = np.array([label in new for label in labels])
        counted |= (rows < end) & (founds | (rows >= before))
        begun |= new
        before = look.n_days
    return counted


def _flat_unless(counted: BoolArray, columns: _Columns) -> _Columns:
    """Days on which a record does not count earn nothing; those before it stay unknown."""
    is_flat = ~counted & np.isfinite(columns.returns)
    return _Columns(*(np.where(is_flat, 0.0, days) for days in columns))


def _members(columns: _Columns, member_ids: Sequence[int], counted: BoolArray) -> Pools:
    """Days of each member: the record's own, or twins pooled at equal risk."""
    labels = tuple(dict.fromkeys(member_ids))
    returns, beyond = [], []
    for label in labels:
        places = [place for place, one in enumerate(member_ids) if one == label]
        own, beside = columns.returns[:, places], columns.beyond[:, places]
        if len(places) > 1:
            pooled = pooled_at_equal_risk(
                own, [label] * len(places), beyond_holding=beside, counted=counted[:, places]
            )
            own, beside = pooled.returns, np.asarray(pooled.beyond_holding)
        returns.append(own)
        beyond.append(beside)
    return Pools(labels, np.hstack(returns), np.hstack(beyond))


def _any_of(present: BoolArray, group_of: Sequence[int]) -> BoolArray:
    """Whether any record of a group was there, shape (n_looks, n_groups)."""
    groups = np.asarray(group_of)
    return np.column_stack([present[:, groups == group].any(axis=1) for group in range(groups.max() + 1)])


def _crowded(members_present: BoolArray, parent_of: Sequence[int]) -> BoolArray:
    ever, parents = np.logical_or.accumulate(members_present, axis=0), np.asarray(parent_of)
    sizes = np.column_stack([ever[:, parents == pool].sum(axis=1) for pool in range(parents.max() + 1)])
    return np.asarray(sizes[:, parents] > 1)
