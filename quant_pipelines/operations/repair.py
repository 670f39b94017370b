"""Mends what the quality checks found, portion by portion; each is committed, so an interrupted run goes on.

What is mended, what the exchange confirmed and what stands is decided by checking again.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError, ExchangeError, ExchangeRefused, unknown_name
from quant_pipelines.core.series import Days
from quant_pipelines.marketdata.checks import BARS, CHECKS, MENDABLE, SUSPICIONS
from quant_pipelines.marketdata.days import spans
from quant_pipelines.marketdata.ingest import PORTION_DAYS, Ingestion
from quant_pipelines.marketdata.repair import Mended, mend_bars, mend_funding
from quant_pipelines.store.findings import (
    CONFIRMED,
    NEVER_EXISTED,
    REPAIRED,
    note_attempt,
    open_findings,
)
from quant_pipelines.store.market import read_universe

PORTIONS_AT_ONCE = 60
"""Portions of at most a week of one symbol that a run mends; the rest waits for the next one."""

AUTOMATIC_ATTEMPTS = 3
"""Tries after which a finding is left to a person: ``quant data repair`` tries again whatever was tried."""


@dataclass(frozen=True, slots=True)
class RepairPortion:
    """Part of the work: days of one symbol without a hole between them.

    Parameters
    ----------
    symbol
        ccxt form.
    what
        `BARS` or `FUNDING`.
    days
        UTC days as ``YYYY-MM-DD``, oldest first.
    findings
        Ids of the findings to mend, with check name, timeframe and day.
    """

    symbol: str
    what: str
    days: tuple[str, ...]
    findings: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a run would mend.

    Parameters
    ----------
    portions
        Work, oldest days first within a symbol.
    left
        Portions beyond the bound of a run.
    """

    portions: tuple[RepairPortion, ...]
    left: int


@dataclass(frozen=True, slots=True)
class PortionReport:
    """What was done to one portion.

    Parameters
    ----------
    symbol, what
        As in `RepairPortion`.
    first_day, last_day
        UTC days, both included.
    findings
        How many were to be mended.
    ended, standing
        How many of them are gone, and how many stand.
    inserted, updated, deleted
        1-minute bars (or funding payments) that were written, and bars that could not be.
    rolled_up
        Bars of longer timeframes that were written.
    never_existed, confirmed
        Bars that the exchange said never existed, and odd ones that it confirmed.
    error
        Why it was not done; empty if it was.
    """

    symbol: str
    what: str
    first_day: str
    last_day: str
    findings: int
    ended: int = 0
    standing: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rolled_up: int = 0
    never_existed: int = 0
    confirmed: int = 0
    error: str = ""


def plan_repairs(
    engine: Engine,
    exchange: str,
    *,
    symbols: Sequence[str] = (),
    days: Days | None = None,
    max_attempts: int | None = None,
) -> RepairPlan:
    """Portions of the findings that stand and that asking the exchange again can mend.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbols
        Only these; empty means all.
    days
        First and last day, both included; None means all.
    max_attempts
        Leave findings out that so many repairs could not mend; None leaves none out.

    Raises
    ------
    DataError
        If a symbol is not in the universe (the nearest one is suggested).
    """
    known = read_universe(engine, exchange)
    for symbol in symbols:
        if symbol not in known:
            raise DataError(unknown_name("symbol of the universe", symbol, known))
    rows = open_findings(engine, exchange, symbols=symbols, days=days, checks=MENDABLE)
    if max_attempts is not None:
        rows = [row for row in rows if row["attempts"] < max_attempts]
    portions = _portions(rows)
    return RepairPlan(tuple(portions[:PORTIONS_AT_ONCE]), max(0, len(portions) - PORTIONS_AT_ONCE))


async def carry_out_repairs(
    market: Ingestion, plan: RepairPlan, clock: Clock, on_portion: Callable[[], None] = lambda: None
) -> list[PortionReport]:
    """Mend the portions one after another; ``on_portion`` is called after each.

    A portion that the exchange refuses is reported and the next one is tried; while it is away nothing more
    is asked. What stands can be tried again at any time.
    """
    reports: list[PortionReport] = []
    for portion in plan.portions:
        try:
            reports.append(await _mend(market, portion, clock))
        except ExchangeRefused as error:
            reports.append(_failed(portion, error))
        except ExchangeError as error:
            reports.append(_failed(portion, error))
            break
        on_portion()
    return reports


def to_documents(reports: Sequence[PortionReport]) -> list[dict[str, Any]]:
    """Turn reports into JSON documents."""
    return [asdict(report) for report in reports]


async def _mend(market: Ingestion, portion: RepairPortion, clock: Clock) -> PortionReport:
    mend = mend_bars if portion.what == BARS else mend_funding
    mended = await mend(market, portion.symbol, portion.days, clock)
    outcomes = {row["id"]: _outcome(row, mended) for row in portion.findings}
    ended, standing = note_attempt(market.engine, outcomes)
    return PortionReport(
        symbol=portion.symbol,
        what=portion.what,
        first_day=portion.days[0],
        last_day=portion.days[-1],
        findings=len(portion.findings),
        ended=ended,
        standing=standing,
        inserted=mended.written.inserted + mended.payments,
        updated=mended.written.updated,
        deleted=mended.deleted,
        rolled_up=mended.rolled_up,
        never_existed=sum(times.size for times in mended.never_existed.values()),
        confirmed=sum(times.size for times in mended.confirmed.values()),
    )


def _failed(portion: RepairPortion, error: ExchangeError) -> PortionReport:
    return PortionReport(
        symbol=portion.symbol,
        what=portion.what,
        first_day=portion.days[0],
        last_day=portion.days[-1],
        findings=len(portion.findings),
        standing=len(portion.findings),
        error=str(error),
    )


def _outcome(row: dict[str, Any], mended: Mended) -> str:
    """How a finding ended, if it did."""
    if row["check_name"] == "gaps" and row["timeframe"] in mended.never_existed:
        return NEVER_EXISTED
    if row["check_name"] in SUSPICIONS and row["timeframe"] in mended.confirmed:
        return CONFIRMED
    return REPAIRED


def _portions(rows: list[dict[str, Any]]) -> list[RepairPortion]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["symbol"], CHECKS[row["check_name"]].mend), []).append(row)
    portions = []
    for (symbol, what), found in sorted(groups.items()):
        for first, last in spans((row["day"].isoformat() for row in found), PORTION_DAYS):
            inside = tuple(row for row in found if first <= row["day"].isoformat() <= last)
            days = tuple(sorted({row["day"].isoformat() for row in inside}))
            portions.append(RepairPortion(symbol, what, days, inside))
    return portions
