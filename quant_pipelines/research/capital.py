"""Takes the look that is due at all records of an exchange: once for each week of a calendar year.

A look is of the last day of its week, whenever it is taken. It waits some days for records that were there at
the look before, since a night's search may not reach everybody; then it goes without them.
"""

from collections import Counter
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.ids import digest_of
from quant_pipelines.optimize.capital import (
    CapitalLook,
    RecordDays,
    Unit,
    YearOfLooks,
    following_look_day,
    newest_look_day,
    seated,
)
from quant_pipelines.optimize.decision import DecisionTerms
from quant_pipelines.store.capital import (
    current_records,
    longest_holding_days,
    newest_look_taken,
    passed_before,
    read_record_days,
    read_year,
    save_look,
    seated_records,
)
from quant_pipelines.store.engine import snapshot, transaction
from quant_pipelines.store.research import sole_worker

WAITS_DAYS = 3
"""How long a look waits for records that its search has not reached yet."""
_NAMED = 3


class LookAnswer(NamedTuple):
    """What became of the look that is due.

    Parameters
    ----------
    look_day
        Last UTC day of the week that it is of.
    is_taken
        Whether it was taken now.
    told
        One sentence.
    """

    look_day: date
    is_taken: bool
    told: str


def take_due_look(engine: Engine, exchange: str, clock: Clock) -> LookAnswer:
    """Look at every record, if a week is over that nobody has looked at.

    Looks that were missed meanwhile are left out: they spend nothing, and the next one may.

    Parameters
    ----------
    engine
        Product database.
    exchange
        Whose records; each exchange is a family of its own.
    clock
        Tells which days are over.

    Raises
    ------
    OptimizationError
        If another process is at it.
    """
    yesterday = clock_time(clock).date() - timedelta(days=1)
    look_day = newest_look_day(yesterday)
    with sole_worker(engine, digest_of({"capital look": exchange}), f"the look of {look_day}"):
        with snapshot(engine) as connection:
            due = _Due(connection, exchange, look_day)
            waits = due.why_not(yesterday)
            if waits:
                return LookAnswer(look_day, False, waits)
            year = due.year()
        *_, look = year.looks()
        spa_p = year.global_p_value(look)
        with transaction(engine) as connection:
            save_look(connection, exchange, look, spa_p=spa_p)
    return LookAnswer(look_day, True, f"the look of {look_day} is taken: {_summary(look)}")


class _Due:
    """Look that is due, with what the database has of its year."""

    def __init__(self, connection: Connection, exchange: str, look_day: date) -> None:
        self._connection = connection
        self._exchange = exchange
        self._day = look_day
        self._stored = read_year(connection, exchange, look_day.year)
        self._current = current_records(connection, exchange)
        units = {*self._current, *seated_records(connection, exchange, look_day.year)}
        seats = {seat for seating in self._stored.seatings for seat in seating.seats}
        self._records = read_record_days(connection, units, look_day, seats)

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
        least = self._terms.least_days
        if max((one.returns.size for one in self._there), default=0) < least:
            return f"no record has {least} days that reach {day}; the look waits for one"
        late, until = self._late(), day + timedelta(days=WAITS_DAYS)
        if late and yesterday < until:
            names = ", ".join(f"{one.strategy} {one.timeframe} {one.symbol}" for one in late[:_NAMED])
            return f"the look of {day} waits for {len(late)} records until {until} is over, such as {names}"
        return ""

    def year(self) -> YearOfLooks:
        """All looks of its year, this one as the last."""
        seatings = [*self._stored.seatings]
        seatings.append(seated(self._there, seatings, self._day))
        terms = self._stored.terms
        if terms is None:
            ids = [seat.record_id for seat in seatings[-1].seats]
            longest = longest_holding_days(self._connection, ids, self._day)
            terms = self._terms._replace(longest_holding_days=longest)
        before = passed_before(self._connection, self._exchange, self._day.year)
        return YearOfLooks(self._records, seatings, terms, before)

    @property
    def _terms(self) -> DecisionTerms:
        return self._stored.terms or DecisionTerms()

    @property
    def _there(self) -> list[RecordDays]:
        """Current records that reach the day."""
        found = [self._records[one.record_id] for one in self._current if one.record_id in self._records]
        return [one for one in found if one.last_day >= self._day]

    def _late(self) -> list[Unit]:
        """List current records that were at the look before and do not reach the day."""
        seatings = self._stored.seatings
        if not seatings:
            seatings = read_year(self._connection, self._exchange, self._day.year - 1).seatings
        before = {seat.record_id for seating in seatings[-1:] for seat in seating.seats}
        there = {one.record_id for one in self._there}
        return [one for one in self._current if one.record_id in before - there]


def _summary(look: CapitalLook) -> str:
    decisions = Counter(one.evidence.decision for one in look.results)
    counts = ", ".join(f"{decisions[name]} {name}" for name in ("passed", "undecided", "refused"))
    return f"{len(look.results)} records in {look.n_pools} pools: {counts}"
