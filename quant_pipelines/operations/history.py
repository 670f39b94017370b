"""Brings one symbol's whole configured history: what a coin needs before anybody may search it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.backfill import Backfill, Portion, backfill_bars, named_days
from quant_pipelines.marketdata.days import SymbolDays, days_between, spans
from quant_pipelines.marketdata.ingest import Ingestion, ingest_funding, ingest_open_interest
from quant_pipelines.marketdata.ingest_prices import ingest_prices, priced
from quant_pipelines.marketdata.own_bars import OwnBars, fetch_own_bars
from quant_pipelines.marketdata.quality import check_days, check_roll_ups
from quant_pipelines.marketdata.rollup import roll_up_days
from quant_pipelines.operations.coverage import bar_coverage
from quant_pipelines.store.findings import open_findings

PORTION_DAYS = 62
"""Days of minutes that are held in memory at once."""


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """What is brought.

    Parameters
    ----------
    symbol
        Whose history.
    days
        UTC days as ``YYYY-MM-DD``.
    clock
        Tells which days are over.
    mark_timeframe
        Grid of mark and index prices.
    refetch
        Fetch again what is stored.
    on_portion
        Told of each portion of minutes as soon as it is stored.
    """

    symbol: str
    days: Sequence[str]
    clock: Clock
    mark_timeframe: str
    refetch: bool = False
    on_portion: Callable[[Portion], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the exchange gave: everything is stored, only its longer bars are not yet."""

    minutes: Backfill
    funding: int
    open_interest: int
    marks: int
    own: OwnBars


async def fetch_history(market: Ingestion, plan: HistoryPlan) -> Fetched:
    """Fetch minutes, funding, open interest, mark and index prices, and the exchange's own longer bars.

    Funding is asked for as a whole, a few requests: rows that are stored may begin later than the history.
    """
    symbols, goes_on = [plan.symbol], not plan.refetch
    minutes = await backfill_bars(
        market,
        SymbolDays(symbols, plan.days),
        clock=plan.clock,
        refetch=plan.refetch,
        on_portion=plan.on_portion,
    )
    window = Window(day_start_ms(min(plan.days)), plan.clock() + MINUTE_MS)
    funding = await ingest_funding(market, symbols, window, goes_on=False)
    interest = await ingest_open_interest(market, symbols, window, goes_on=goes_on)
    marks = await ingest_prices(priced(market), symbols, plan.mark_timeframe, window, goes_on=goes_on)
    own = await fetch_own_bars(market, symbols, plan.days, plan.clock)
    symbol = plan.symbol
    return Fetched(minutes[symbol], funding[symbol], interest[symbol], marks[symbol], own)


def complete_history(engine: Engine, exchange: str, plan: HistoryPlan, fetched: Fetched) -> dict[str, Any]:
    """Roll the stored minutes up, check them, and sum up what there is now.

    Returns
    -------
    dict
        ``first_bar``, ``last_bar``, ``bars`` and ``missing`` (of the minutes), ``findings`` and ``blocking``
        (those that stand), what was fetched and skipped, and ``coverage``: a row for each timeframe.
    """
    for first, last in spans(plan.days, max_days=PORTION_DAYS):
        portion = SymbolDays([plan.symbol], days_between(day_start_ms(first), day_start_ms(last)))
        rolled = roll_up_days(engine, exchange, portion, own=fetched.own)
        over = [day for day in fetched.own.days if first <= day <= last]
        check_roll_ups(engine, exchange, rolled, over, clock=plan.clock)
        check_days(engine, exchange, portion, clock=plan.clock)
    standing = [one for one in open_findings(engine, exchange) if one["symbol"] == plan.symbol]
    coverage = bar_coverage(engine, exchange, [plan.symbol])
    minutes = next((row for row in coverage if row["timeframe"] == "1m"), {})
    return {
        "first_bar": _moment(minutes.get("first")),
        "last_bar": _moment(minutes.get("last")),
        "bars": minutes.get("bars", 0),
        "missing": minutes.get("missing", 0),
        "findings": len(standing),
        "blocking": sum(one["severity"] == "block" for one in standing),
        "fetched_days": fetched.minutes.fetched_days,
        "skipped_days": fetched.minutes.skipped_days,
        "empty_days": named_days(fetched.minutes.empty_days) or "none",
        "funding_rows": fetched.funding,
        "open_interest_rows": fetched.open_interest,
        "mark_rows": fetched.marks,
        "coverage": coverage,
    }


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else "none"
