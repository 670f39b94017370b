"""Compares the stored hours with those of other exchanges: a price that goes its own way is suspect."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.marketdata.checks import SOURCE_MISMATCH, Finding
from quant_pipelines.marketdata.checks.mismatch import find_mismatches, other_venue
from quant_pipelines.marketdata.days import spans
from quant_pipelines.marketdata.ingest import IngestSource
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.findings import save_findings

TIMEFRAME = "1h"

Disagreements = dict[tuple[str, date], Finding]
"""Symbol and UTC day to the finding."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Parameters
    ----------
    exchange
        ccxt id of the stored bars.
    symbols
        ccxt symbols; one that the other exchange does not list is left out.
    days
        UTC days as ``YYYY-MM-DD`` that are over.
    tolerance
        Relative difference of closes up to which two venues agree.
    """

    exchange: str
    symbols: Sequence[str]
    days: Sequence[str]
    tolerance: float


async def disagreements(
    engine: Engine, comparison: Comparison, other_id: str, other: IngestSource
) -> Disagreements:
    """Find the days on which the closes of another exchange are farther away than the tolerance."""
    listed = {instrument.symbol for instrument in await other.instruments()}
    found: Disagreements = {}
    for symbol in (symbol for symbol in comparison.symbols if symbol in listed):
        for first, last in spans(comparison.days):
            start_ms, end_ms = day_start_ms(first), day_start_ms(last) + DAY_MS
            theirs = await other.bars(symbol, TIMEFRAME, Window(start_ms, end_ms))
            ours = read_bars(engine, Series(comparison.exchange, symbol, TIMEFRAME), Window(start_ms, end_ms))
            for day, finding in find_mismatches(ours, theirs, other_venue(comparison.tolerance)).items():
                found[symbol, day] = replace(finding, detail={"source": other_id} | finding.detail)
    return found


def save_disagreements(
    engine: Engine, comparison: Comparison, found: Sequence[Disagreements], clock: Clock
) -> int:
    """Store the disagreements with all sources as warnings, the first source's first; resolve what is gone.

    Returns
    -------
    int
        Findings that stand.
    """
    merged: Disagreements = {}
    for one in reversed(found):
        merged |= one
    scope = {
        "exchange": comparison.exchange,
        "symbols": comparison.symbols,
        "timeframe": TIMEFRAME,
        "days": [date.fromisoformat(day) for day in comparison.days],
        "checks": (SOURCE_MISMATCH,),
        "at": clock_time(clock),
    }
    rows = [{"symbol": symbol, "day": day} | finding.to_row() for (symbol, day), finding in merged.items()]
    save_findings(engine, scope, rows)
    return len(rows)
