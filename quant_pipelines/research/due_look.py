"""The look that is due, with what the database has of its year: whether it is taken now, of whom, by what."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy import Connection

from quant_pipelines.optimize.capital import (
    AskedRecords,
    PassedBefore,
    RecordDays,
    RecordResult,
    YearOfLooks,
    decision_digest,
    following_look_day,
    holdings_asked,
    longest_holding_of,
    seated,
    slow_result,
)
from quant_pipelines.optimize.decision import DecisionTerms
from quant_pipelines.store.acknowledged import Acknowledged, read_acknowledged
from quant_pipelines.store.capital import (
    StoredLook,
    all_records,
    current_record_ids,
    holding_days,
    newest_look_taken,
    passed_before,
    read_record_days,
    read_year,
)

WAITS_DAYS = 3
"""How long a look waits for records that its search has not reached yet."""
_NAMED = 3


class DueLook:
    """Look that is due.

    Parameters
    ----------
    connection
        Open snapshot: all that is asked is of one moment.
    exchange
        Whose records.
    look_day
        Last UTC day that the look sees.
    """

    def __init__(self, connection: Connection, exchange: str, look_day: date) -> None:
        self._connection = connection
        self._exchange = exchange
        self._day = look_day

    @cached_property
    def _stored(self) -> tuple[StoredLook, ...]:
        return read_year(self._connection, self._exchange, self._day.year)

    @cached_property
    def _acknowledged(self) -> Acknowledged:
        return read_acknowledged(self._connection, self._exchange)

    @cached_property
    def _records(self) -> dict[int, RecordDays]:
        """Days of all records: nothing of them is read on a day whose look was taken already."""
        units = all_records(self._connection, self._exchange)
        seats = {seat for stored in self._stored for seat in stored.seating.seats}
        return self._vouched(read_record_days(self._connection, units, self._day, seats))

    def why_not(self, yesterday: date) -> str:
        """Sentence that says why there is no look now; empty where there is one."""
        newest, day = newest_look_taken(self._connection, self._exchange), self._day
        if newest == day:
            following = following_look_day(day)
            return f"the look of {day} was taken already; the next one is due when {following} is over"
        if newest and newest > day:
            return (
                f"the look of {day} is older than the newest one, of {newest}; looks are taken in order, "
                "and it is left out"
            )
        least = self._terms_before.least_days
        there = [one for one in self._records.values() if self._is_there(one)]
        longest = max((one.returns.size for one in there), default=0)
        if longest < least:
            so_far = f", the longest has {longest}" if longest else ""
            return f"no record has {least} days that reach {day}{so_far}; the look waits for one"
        late, until = self._late(), day + timedelta(days=WAITS_DAYS)
        if late and yesterday < until:
            names = _named(late)
            return f"the look of {day} waits for {len(late)} records until {until} is over, such as {names}"
        if not any(self._is_there(one) for one in self._asked.records):
            return f"the look of {day} has nobody to ask: {_slow(self._waits)}"
        return ""

    def year(self) -> YearOfLooks:
        """Return the looks of its year that the present decision takes, this one as the last."""
        seatings = [stored.seating for stored in self._stored]
        seatings.append(seated(self._asked.records, seatings, self._day, least_days=self._terms.least_days))
        before = passed_before(self._connection, self._exchange, self.decides_since)
        before = PassedBefore(before.records, before.pools, self._n_before, self._spent_before)
        return YearOfLooks(self._records, seatings, self._terms, before)

    def newest_looks(self) -> YearOfLooks | None:
        """Return the year's stored looks that the present decision replays; None without any."""
        if self._n_before == len(self._stored):
            return None
        before = passed_before(self._connection, self._exchange, self.decides_since)
        before = PassedBefore(before.records, before.pools, self._n_before, self._spent_before)
        seatings = [stored.seating for stored in self._stored]
        return YearOfLooks(self._records, seatings, self._terms_before, before)

    def changes(self) -> str:
        """Clauses that say what is not as it was at the look before; empty where all is."""
        clauses = [f"; {_slow(self._waits)}"] if self._waits else []
        if self._n_before and self._n_before == len(self._stored):
            last = self._stored[-1]
            left = self._terms.alpha - self._spent_before
            what = self._what_changed(last)
            clauses.append(
                f"; {what}, so the looks from now on have what that of {last.seating.look_day} left of "
                f"the year's error, {left:.3g} of {self._terms.alpha:.3g}"
            )
        return "".join(clauses)

    def _what_changed(self, last: StoredLook) -> str:
        if last.seating.look_day in self._acknowledged.spent:
            return "it was acknowledged that earlier looks are not what they were"
        if last.decision_digest == decision_digest():
            return f"its blocks hold {self._terms.longest_holding_days} days now"
        return "what decides is another program or library"

    def waiting(self) -> Iterator[RecordResult]:
        """Yield what is said of records that hold for too long to be asked, of those that have ended too."""
        least = self._terms.least_days
        ended = (one for one in self._asked.slow if not self._is_there(one) and one.returns.size >= least)
        for one in (*self._waits, *ended):
            yield slow_result(one, self._holding_days[one.record_id], self._day, self._terms)

    @property
    def is_first_of_year(self) -> bool:
        """Whether no look of its calendar year was taken yet."""
        return not self._stored

    @property
    def decides_since(self) -> date:
        """Day of the year's first look that the present decision takes; before the first look, new year."""
        if not self._n_before:
            return date(self._day.year, 1, 1)
        is_new = self._n_before == len(self._stored)
        return self._day if is_new else self._stored[self._n_before].seating.look_day

    @cached_property
    def _n_before(self) -> int:
        """Looks of the year up to the newest one that is not replayed.

        It was taken by another decision, by other terms, or is acknowledged not to be what it was.
        """
        own = (decision_digest(), self._terms)
        taken = [
            (one.decision_digest, one.terms) == own and one.seating.look_day not in self._acknowledged.spent
            for one in self._stored
        ]
        return max((at + 1 for at, is_own in enumerate(taken) if not is_own), default=0)

    @property
    def _spent_before(self) -> float:
        """Error of the year that the looks which are not replayed have spent."""
        if not self._n_before:
            return 0.0
        last = self._stored[self._n_before - 1]
        return max(last.alpha_spent, self._acknowledged.spent.get(last.seating.look_day, 0.0))

    def _vouched(self, records: Mapping[int, RecordDays]) -> dict[int, RecordDays]:
        """Days that count: of a record whose answer was not what is stored, those after that look only."""
        until = self._acknowledged.until
        return {
            number: one.since(until[number] + timedelta(days=1)) if number in until else one
            for number, one in records.items()
        }

    @property
    def _terms_before(self) -> DecisionTerms:
        return self._stored[-1].terms if self._stored else DecisionTerms()

    @cached_property
    def _terms(self) -> DecisionTerms:
        """Those of the look before; its blocks are longer where a holding is."""
        before = self._terms_before
        held = [self._holding_days[one.record_id] for one in self._asked.records]
        longest = longest_holding_of(held, before) if self._stored else max(held, default=1)
        return before._replace(longest_holding_days=longest)

    @cached_property
    def _holding_days(self) -> dict[int, int]:
        passed = passed_before(self._connection, self._exchange, self._day).records
        return holdings_asked(holding_days(self._connection, self._records, self._day), passed)

    @cached_property
    def _asked(self) -> AskedRecords:
        return AskedRecords.of([*self._records.values()], self._holding_days, self._terms_before)

    @property
    def _waits(self) -> tuple[RecordDays, ...]:
        return tuple(one for one in self._asked.slow if self._is_there(one))

    def _is_there(self, record: RecordDays) -> bool:
        return record.last_day >= self._day

    def _late(self) -> list[RecordDays]:
        """List records that grow, were at the look before and do not reach the day."""
        stored = self._stored or read_year(self._connection, self._exchange, self._day.year - 1)
        before = {seat.record_id for one in stored[-1:] for seat in one.seating.seats if not seat.last_day}
        current = current_record_ids(self._connection, self._exchange)
        found = (self._records[number] for number in sorted(before & current & self._records.keys()))
        return [one for one in found if not self._is_there(one)]


def _named(records: list[RecordDays] | tuple[RecordDays, ...]) -> str:
    units = [one.unit for one in records[:_NAMED]]
    return ", ".join(f"{one.strategy} {one.timeframe} {one.symbol}" for one in units)


def _slow(records: tuple[RecordDays, ...]) -> str:
    names = _named(records)
    return f"{len(records)} records hold for more than a twentieth of their days and wait, such as {names}"
