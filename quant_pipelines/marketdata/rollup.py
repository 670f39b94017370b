"""Rolls 1-minute bars up to higher timeframes; a bucket that lacks a minute is left out, never guessed.

Where the exchange has a bar of its own for such a bucket, that one is stored.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from quant_pipelines.core.rollup import roll_up
from quant_pipelines.core.series import Series
from quant_pipelines.marketdata.checks import Finding, find_mismatches
from quant_pipelines.marketdata.days import SymbolDays, spans, window_of
from quant_pipelines.marketdata.own_bars import OwnBars, completed
from quant_pipelines.store.bars import Upserted, read_bar_rows, upsert_bars
from quant_pipelines.store.tables.market import RevisionCause

__all__ = ["ROLLED_TIMEFRAMES", "RolledSeries", "roll_up", "roll_up_days"]

ROLLED_TIMEFRAMES = ("5m", "15m", "1h", "4h", "1d")


@dataclass(frozen=True, slots=True)
class RolledSeries:
    """What one roll-up of a run of days wrote and met.

    Parameters
    ----------
    symbol, timeframe
        Series.
    written
        Rows added and changed.
    from_exchange
        Bars among all that are the exchange's own, because minutes are missing.
    mismatches
        UTC day to what differs between our roll-ups and the exchange's bars.
    """

    symbol: str
    timeframe: str
    written: Upserted
    from_exchange: int
    mismatches: dict[date, Finding]


def roll_up_days(
    engine: Engine,
    exchange: str,
    asked: SymbolDays,
    *,
    own: OwnBars | None = None,
    cause: RevisionCause = "venue",
) -> list[RolledSeries]:
    """Roll the stored 1-minute bars of these days up; the exchange's own bars stand in where one is open.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    asked
        What to roll up.
    own
        Bars of the exchange for those of the days that are over.
    cause
        Why a stored bar may change, as in `upsert_bars`.

    Returns
    -------
    list[RolledSeries]
        One for each symbol, run of days without a hole, and timeframe.
    """
    rolled: list[RolledSeries] = []
    for symbol in asked.symbols:
        for first, last in spans(asked.days):
            window = window_of(first, last)
            minutes = read_bar_rows(engine, Series(exchange, symbol, "1m"), window)
            for timeframe in ROLLED_TIMEFRAMES:
                ours = roll_up(minutes, timeframe)
                theirs = (own or OwnBars()).between(symbol, timeframe, window)
                bars = completed(ours, theirs)
                written = upsert_bars(engine, Series(exchange, symbol, timeframe), bars, cause=cause)
                differing = find_mismatches(ours, theirs)
                rolled.append(RolledSeries(symbol, timeframe, written, len(bars) - len(ours), differing))
    return rolled
