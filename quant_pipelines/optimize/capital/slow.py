"""Records that hold for too long to be told of their days: they are named, and wait.

One resampled block serves all candidates of a look, since what they share must stay shared: a step-down's
maximum is over joint paths (Romano and Wolf). It can't be shorter than what any of them holds, which would
understate its scatter, nor can each have a block of its own. But with few blocks the studentized tails are
heavy for everybody: of 24 records of 720 days the critical value is 3.1 with blocks of 2 days, 3.5 with 36
and 4.5 with 72. So a record of fewer days than twenty of its longest holdings is not asked yet.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from quant_pipelines.optimize.capital.looks import RecordResult
from quant_pipelines.optimize.capital.records import RecordDays
from quant_pipelines.optimize.capital.seating import FamilySeat
from quant_pipelines.optimize.decision import CapitalEvidence, DecisionTerms

_LEAST_HOLDINGS = 20


class AskedRecords(NamedTuple):
    """Records of which a look may ask, and those that hold for too long.

    Parameters
    ----------
    records, slow
        In order of their ids.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import AskedRecords
    >>> AskedRecords((), ()).slow
    ()
    """

    records: tuple[RecordDays, ...]
    slow: tuple[RecordDays, ...]

    @classmethod
    def of(
        cls, records: Sequence[RecordDays], holding_days: Mapping[int, int], terms: DecisionTerms
    ) -> "AskedRecords":
        """Part records by their longest holdings in whole days."""
        order = sorted(records, key=lambda one: one.record_id)
        slow = {one.record_id for one in order if _lacking(one, holding_days, terms) > 0}
        return cls(
            tuple(one for one in order if one.record_id not in slow),
            tuple(one for one in order if one.record_id in slow),
        )


def holdings_asked(held: Mapping[int, int], passed: Collection[int]) -> dict[int, int]:
    """Whole days of each record's longest holding as a look counts them.

    What has passed is asked no more: it neither waits for its holdings nor makes anybody's blocks long.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import holdings_asked
    >>> holdings_asked({1: 30, 2: 5}, passed={1})
    {1: 1, 2: 5}
    """
    return {number: 1 if number in passed else days for number, days in held.items()}


def longest_holding_of(held: Sequence[int], terms: DecisionTerms) -> int:
    """Days that a block must hold from now on, in a year of which some looks were taken.

    What the looks before have used stays while it is long enough. Where it is not, it doubles at the least:
    with each change a year's looks begin to know nothing of each other, and a position that stays open would
    change it every week.

    Parameters
    ----------
    held
        Whole days of the longest holding of each record that is asked.
    terms
        Of the look before.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import longest_holding_of
    >>> from quant_pipelines.optimize.decision import DecisionTerms
    >>> terms = DecisionTerms(longest_holding_days=5)
    >>> [longest_holding_of([1, days], terms) for days in (3, 6, 12)]
    [5, 10, 12]
    """
    before, longest = terms.longest_holding_days, max(held, default=1)
    return before if longest <= before else max(longest, 2 * before)


def slow_result(record: RecordDays, holding_days: int, look_day: date, terms: DecisionTerms) -> RecordResult:
    """Tell of a record that holds for too long how many days it lacks at the least.

    One that has ended gets no more days: none are told, and the last one is.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit, slow_result
    >>> from quant_pipelines.optimize.decision import DecisionTerms
    >>> record = RecordDays(Unit(1, "ema", "1h", "BTC", "ema 1h v1"), date(2026, 1, 1), *np.zeros((3, 90)))
    >>> result = slow_result(record, 12, record.last_day, DecisionTerms())
    >>> result.evidence.decided_by, result.evidence.fewest_more_days
    ('too_slow', 150)
    """
    lacking = max(_lacking(record, {record.record_id: holding_days}, terms), 1)
    has_ended = record.last_day < look_day
    evidence = CapitalEvidence(
        "undecided",
        "too_slow",
        fewest_more_days=None if has_ended else lacking,
        look_day=look_day,
        last_day=record.last_day if has_ended else None,
    )
    seat = FamilySeat(record.record_id, record.unit.pool, record.record_id, record.first_day)
    return RecordResult(record.unit, seat, evidence, pool_passed=False, is_beyond_tested=False)


def _lacking(record: RecordDays, holding_days: Mapping[int, int], terms: DecisionTerms) -> int:
    """Days until there are enough of its longest holdings; one that is short for all is not called slow."""
    needed = _LEAST_HOLDINGS * holding_days[record.record_id]
    return needed - record.returns.size if needed > terms.least_days else 0
