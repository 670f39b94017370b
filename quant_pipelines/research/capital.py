"""Takes the look that is due at all records of an exchange: once for each week of a calendar year.

A look is of the last day of its week, whenever it is taken. It waits some days for records that were there at
the look before, since a night's search may not reach everybody; then it goes without them.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import NamedTuple, NoReturn

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.optimize.capital import CapitalLook, newest_look_day
from quant_pipelines.research.due_look import DueLook
from quant_pipelines.research.mismatch import Mismatch, mismatch_of, newest_mismatch
from quant_pipelines.store.capital import read_said, save_look
from quant_pipelines.store.engine import snapshot, transaction
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.research import sole_worker


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
        If another process is at it, or an earlier look of the year is not what it was when it is replayed:
        then there is an alert too, and no look is added.
    """
    yesterday = clock_time(clock).date() - timedelta(days=1)
    look_day = newest_look_day(yesterday)
    with sole_worker(engine, digest_of({"capital look": exchange}), f"the look of {look_day}"):
        with snapshot(engine) as connection:
            due = DueLook(connection, exchange, look_day)
            waits = due.why_not(yesterday)
            if waits:
                return LookAnswer(look_day, False, waits)
            year, told = due.year(), due.changes()
            stored = read_said(connection, exchange, due.decides_since)
            # A new year begins with whole records: what the old one knows of their days is held against them.
            mismatch = newest_mismatch(connection, exchange) if due.is_first_of_year else None
        *replayed, look = year.looks()
        mismatch = mismatch or mismatch_of(replayed, stored)
        if mismatch:
            _refuse(engine, exchange, mismatch, clock_time(clock))
        spa_p = year.global_p_value(look)
        look = look._replace(results=(*look.results, *due.waiting()))
        with transaction(engine) as connection:
            save_look(connection, exchange, look, spa_p=spa_p)
    return LookAnswer(look_day, True, f"the look of {look_day} is taken: {_summary(look)}{told}")


def _refuse(engine: Engine, exchange: str, mismatch: Mismatch, at: datetime) -> NoReturn:
    """Tell a person, and add nothing: what is stored stays as it is."""
    message = (
        f"{mismatch.difference}; no look is added before the days and the libraries of the program are those "
        "it was taken with (restore a backup), or somebody acknowledges it "
        f"(quant research acknowledge {mismatch.look_day})"
    )
    write_alert(engine, Alert("critical", f"capital look:{exchange}", message, at))
    raise OptimizationError(message)


def _summary(look: CapitalLook) -> str:
    decisions = Counter(one.evidence.decision for one in look.results)
    counts = ", ".join(f"{decisions[name]} {name}" for name in ("passed", "undecided", "refused"))
    return f"{len(look.results)} records in {look.n_pools} pools: {counts}"
