"""What a look said in numbers, to be compared with what is said when it is replayed."""

import math
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, TypeAlias

from quant_pipelines.optimize.capital.looks import CapitalLook

Said: TypeAlias = float | str | bool | None

_RELATIVE = 1e-9
_ABSOLUTE = 1e-12

OF_LOOK = ("pools", "block", "symbol_block", "alpha_spent", "critical")
OF_RECORD = ("decision", "decided_by", "pool_passed", "statistic", "critical")


class SaidByLook(NamedTuple):
    """Numbers of a look, by name, and of each of its records.

    Parameters
    ----------
    look_day
        Last day that it saw.
    numbers
        ``OF_LOOK``.
    records
        ``OF_RECORD`` of each record.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import SaidByLook
    >>> SaidByLook(date(2026, 3, 4), {"block": 2}, {}).numbers
    {'block': 2}
    """

    look_day: date
    numbers: Mapping[str, Said]
    records: Mapping[int, Mapping[str, Said]]


def said_by(look: CapitalLook) -> SaidByLook:
    """Return what a look says.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit, YearOfLooks, said_by, seated
    >>> from quant_pipelines.optimize.decision import DecisionTerms
    >>> record = RecordDays(Unit(1, "ema", "1h", "BTC", "ema 1h v1"), date(2026, 1, 1), *np.zeros((3, 70)))
    >>> seating = seated([record], [], date(2026, 3, 11))
    >>> (look,) = YearOfLooks({1: record}, [seating], DecisionTerms(n_paths=99)).looks()
    >>> said_by(look).records[1]["decided_by"]
    'too_short'
    """
    numbers = (look.n_pools, look.block, look.symbol_block, look.alpha_spent, look.critical)
    records: dict[int, Mapping[str, Said]] = {}
    for one in look.results:
        known = one.evidence._asdict() | {"pool_passed": one.pool_passed}
        records[one.unit.record_id] = {name: known[name] for name in OF_RECORD}
    return SaidByLook(look.seating.look_day, dict(zip(OF_LOOK, numbers, strict=True)), records)


def difference_of(replayed: SaidByLook, stored: SaidByLook) -> str:
    """Name the first number in which a replayed look differs from the stored one; empty where none does.

    Rounding of another machine is no difference: numbers may differ by a billionth of themselves.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import SaidByLook, difference_of
    >>> stored = SaidByLook(date(2026, 3, 4), {"block": 2}, {7: {"statistic": 4.2}})
    >>> difference_of(stored._replace(records={7: {"statistic": 4.2000000001}}), stored)
    ''
    >>> difference_of(stored._replace(records={7: {"statistic": 4.1}}), stored)
    'in the look of 2026-03-04 the statistic of record 7 is 4.1 when it is replayed, 4.2 is stored'
    """
    where = f"in the look of {stored.look_day} the"
    for name, value in stored.numbers.items():
        if not _is_same(replayed.numbers[name], value):
            return f"{where} {name} is {replayed.numbers[name]} when it is replayed, {value} is stored"
    for record_id in sorted(stored.records.keys() | replayed.records.keys()):
        if record_id not in replayed.records or record_id not in stored.records:
            there = "stored only" if record_id in stored.records else "there when it is replayed only"
            return f"{where} record {record_id} is {there}"
        found = replayed.records[record_id]
        for name, value in stored.records[record_id].items():
            if not _is_same(found[name], value):
                told = f"{name} of record {record_id} is {found[name]} when it is replayed"
                return f"{where} {told}, {value} is stored"
    return ""


def records_that_differ(replayed: SaidByLook, stored: SaidByLook) -> frozenset[int]:
    """Name the records of which a replayed look says something else, but for its critical values.

    A critical value rests on everybody's days: where only that differs, whose days have changed can't be told
    by it, and whoever's have changed differs by the statistic.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.capital import SaidByLook, records_that_differ
    >>> one = {"statistic": 4.2, "critical": 3.1}
    >>> stored = SaidByLook(date(2026, 3, 4), {}, {7: one, 8: one})
    >>> found = stored._replace(records={7: one | {"statistic": 4.1}, 8: one | {"critical": 3.2}})
    >>> records_that_differ(found, stored)
    frozenset({7})
    """
    both = replayed.records.keys() & stored.records.keys()
    other = {
        number
        for number in both
        if any(
            not _is_same(replayed.records[number][name], value)
            for name, value in stored.records[number].items()
            if name != "critical"
        )
    }
    return frozenset(other | (replayed.records.keys() ^ stored.records.keys()))


def _is_same(one: Said, other: Said) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return one == other
