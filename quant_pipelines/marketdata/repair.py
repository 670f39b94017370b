"""Mends one symbol's days: asks the exchange again, rolls up, and tells what it confirmed.

A bar counts as never existed only between two bars that the same answer has: an empty answer proves nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np

from quant_pipelines.core.arrays import BoolArray, IntArray
from quant_pipelines.core.bars import COLUMNS, BarRows, Bars, empty_bars
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, EXECUTION_TIMEFRAME, timeframe_ms
from quant_pipelines.marketdata.checks import SUSPICIONS
from quant_pipelines.marketdata.checks.series import Known, check_series
from quant_pipelines.marketdata.days import SymbolDays, days_between, window_of
from quant_pipelines.marketdata.ingest import Ingestion
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES, fetch_own_bars
from quant_pipelines.marketdata.quality import check_days, check_roll_ups
from quant_pipelines.marketdata.rollup import roll_up_days
from quant_pipelines.store.bars import Upserted, read_bars, upsert_bars
from quant_pipelines.store.findings import (
    AS_STORED,
    MISSING,
    confirm_bars,
    delete_impossible_bars,
    read_confirmed,
)
from quant_pipelines.store.market import save_funding

_WITNESS = {"1m": "1h", "1h": "4h", "4h": "1d", "1d": ""}
_TOLERANCE = 1e-9  # relative; sums of volumes differ in the last digits
_CAUSE: Final = "repair"


@dataclass(frozen=True, slots=True)
class Mended:
    """What the repair of one symbol's days did.

    Parameters
    ----------
    written
        1-minute bars that were added and changed.
    deleted
        Bars that could not be: beside their grid, or not closed.
    rolled_up
        Bars of longer timeframes that were written.
    payments
        Funding payments that were added or changed.
    never_existed, confirmed
        Timeframe to the open times (ms) of the bars that the exchange said never existed, and of the odd bars
        that are true.
    """

    written: Upserted = field(default_factory=lambda: Upserted(0, 0))
    deleted: int = 0
    rolled_up: int = 0
    payments: int = 0
    never_existed: dict[str, IntArray] = field(default_factory=dict)
    confirmed: dict[str, IntArray] = field(default_factory=dict)


async def mend_bars(market: Ingestion, symbol: str, days: Sequence[str], clock: Clock) -> Mended:
    """Fetch the bars of these days again, roll up, confirm, and check again; every part is stored by itself.

    The exchange is asked for a day more on either side, so that what is missing at an edge lies between bars.

    Parameters
    ----------
    market
        Open connection, database and exchange.
    symbol
        ccxt form.
    days
        UTC days without a hole, oldest first, few enough to be held in memory.
    clock
        Milliseconds UTC.
    """
    engine, exchange, asked = market.engine, market.exchange, SymbolDays([symbol], days)
    window = window_of(days[0], days[-1])
    now_ms = clock()
    wide = Window(window.start_ms - DAY_MS, min(window.end_ms + DAY_MS, now_ms))
    minutes = await market.source.bars(symbol, EXECUTION_TIMEFRAME, wide)
    own = await fetch_own_bars(market, [symbol], days_between(wide.start_ms, wide.end_ms - 1), clock)
    deleted = sum(
        delete_impossible_bars(engine, Series(exchange, symbol, timeframe), window, now_ms)
        for timeframe in (EXECUTION_TIMEFRAME, *OWN_TIMEFRAMES)
    )
    series = Series(exchange, symbol, EXECUTION_TIMEFRAME)
    written = upsert_bars(engine, series, _between(minutes, window), cause=_CAUSE)
    rolled = roll_up_days(engine, exchange, asked, own=own, cause=_CAUSE)
    answers = {EXECUTION_TIMEFRAME: minutes, **own.bars[symbol]}
    never = {
        timeframe: _confirm_missing(market, Series(exchange, symbol, timeframe), rows, window, clock)
        for timeframe, rows in answers.items()
    }
    confirmed = {
        timeframe: _confirm_odd(market, Series(exchange, symbol, timeframe), answers, window, clock)
        for timeframe in answers
    }
    finished = [day for day in days if day in own.days]
    check_roll_ups(engine, exchange, rolled, finished, clock=clock)
    check_days(engine, exchange, asked, clock=clock, own=own)
    total = sum(one.written.total for one in rolled)
    return Mended(written, deleted, total, 0, _filled(never), _filled(confirmed))


async def mend_funding(market: Ingestion, symbol: str, days: Sequence[str], clock: Clock) -> Mended:
    """Fetch the funding payments of these days again, and check again."""
    found = await market.source.funding_rates(symbol, window_of(days[0], days[-1]))
    payments = save_funding(market.engine, market.exchange, symbol, found)
    check_days(market.engine, market.exchange, SymbolDays([symbol], days), clock=clock)
    return Mended(payments=payments)


def proven_missing(answer: IntArray, stored: IntArray, window: Window, step_ms: int) -> IntArray:
    """Grid times that neither the exchange's answer nor the store has, between two bars of the answer.

    Parameters
    ----------
    answer
        Open times that the exchange answered, increasing, milliseconds UTC. ndarray, int64.
    stored
        Open times that are stored. ndarray, int64.
    window
        Where to look.
    step_ms
        Length of a bar.
    """
    if answer.size < 2:
        return np.empty(0, dtype=np.int64)
    first, last = max(window.start_ms, int(answer[0])), min(window.end_ms, int(answer[-1]))
    grid = np.arange(-(-first // step_ms) * step_ms, last, step_ms, dtype=np.int64)
    return np.setdiff1d(grid, np.union1d(answer, stored))


def _between(rows: BarRows, window: Window) -> BarRows:
    first, last = np.searchsorted(rows.ts, window)
    return BarRows(**{one.name: getattr(rows, one.name)[first:last] for one in fields(rows)})


def _confirm_missing(
    market: Ingestion, series: Series, answer: BarRows, window: Window, clock: Clock
) -> IntArray:
    stored = read_bars(market.engine, series, window).ts
    missing = proven_missing(answer.ts, stored, window, timeframe_ms(series.timeframe))
    confirm_bars(market.engine, series, MISSING, missing.tolist(), clock_time(clock))
    return missing


def _confirm_odd(
    market: Ingestion,
    series: Series,
    answers: dict[str, BarRows],
    window: Window,
    clock: Clock,
) -> IntArray:
    """Confirm odd bars that the exchange answers as they are stored; a spike needs its longer bar as well."""
    longer = _WITNESS[series.timeframe]
    bars = read_bars(market.engine, series, Window(window.start_ms - DAY_MS, window.end_ms + DAY_MS))
    witness = _as_bars(answers.get(longer), series.symbol, longer)
    known = Known(
        missing=read_confirmed(market.engine, series, MISSING),
        confirmed=read_confirmed(market.engine, series, AS_STORED),
    )
    odd = _odd(bars, window, clock(), known)
    contradicted = _odd(
        bars, window, clock(), Known(missing=known.missing, confirmed=known.confirmed, witness=witness)
    )
    times = _union(times for name, times in odd.items() if name != "outliers")
    times = _union(
        [times, np.setdiff1d(_union([odd.get("outliers", ())]), _union([contradicted.get("outliers", ())]))]
    )
    same = bars.ts[_equal(bars, answers[series.timeframe])]
    confirmed = np.intersect1d(times, same)
    confirm_bars(market.engine, series, AS_STORED, confirmed.tolist(), clock_time(clock))
    return confirmed


def _odd(bars: Bars, window: Window, now_ms: int, known: Known) -> dict[str, tuple[int, ...]]:
    """List the times of the bars under suspicion, by the name of the check."""
    odd: dict[str, tuple[int, ...]] = {}
    for _, finding in check_series(bars, window, now_ms=now_ms, known=known):
        if finding.check_name in SUSPICIONS:
            odd[finding.check_name] = odd.get(finding.check_name, ()) + finding.times
    return odd


def _union(parts: Iterable[Iterable[int] | IntArray]) -> IntArray:
    return np.array(sorted({int(ts) for part in parts for ts in part}), dtype=np.int64)


def _equal(bars: Bars, answer: BarRows) -> BoolArray:
    """Whether each bar stands in the answer with the same prices and volume; shape (n_bars,)."""
    equal = np.zeros(len(bars), dtype=bool)
    _, ours, theirs = np.intersect1d(bars.ts, answer.ts, return_indices=True)
    agrees = np.ones(ours.size, dtype=bool)
    for name in COLUMNS:
        agrees &= np.isclose(
            getattr(bars, name)[ours], getattr(answer, name)[theirs], rtol=_TOLERANCE, atol=0.0
        )
    equal[ours] = agrees
    return equal


def _as_bars(rows: BarRows | None, symbol: str, timeframe: str) -> Bars:
    if rows is None:
        return empty_bars(symbol, "1h")
    return Bars(symbol, timeframe, rows.ts, *(getattr(rows, name) for name in COLUMNS))


def _filled(times: dict[str, IntArray]) -> dict[str, IntArray]:
    return {timeframe: found for timeframe, found in times.items() if found.size}
