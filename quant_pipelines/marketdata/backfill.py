"""Backfills of 1-minute bars that go on where they stopped: days that are settled are not fetched again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.marketdata.days import SymbolDays, days_between, spans
from quant_pipelines.marketdata.ingest import PORTION_DAYS, Ingestion, for_each_symbol, ingest_bars
from quant_pipelines.store.bars import Upserted
from quant_pipelines.store.fetched import save_fetched, settled_days

MINUTES = "1m"


@dataclass(frozen=True, slots=True)
class Portion:
    """Part of a backfill that is done.

    Parameters
    ----------
    symbol, first_day, last_day
        What it covers, both days included.
    days
        Number of days.
    written
        Rows added and changed; None when everything was stored already and nothing was fetched.
    empty_days
        Those of which the exchange has no bar.
    """

    symbol: str
    first_day: str
    last_day: str
    days: int
    written: Upserted | None
    empty_days: tuple[str, ...] = ()

    def __str__(self) -> str:
        span = f"{self.symbol} {self.first_day} to {self.last_day}"
        if self.written is None:
            return f"{span}: {self.days} days are stored, not fetched again"
        told = f"{span}: {self.written.inserted} bars added, {self.written.updated} revised"
        return f"{told}; no data of {named_days(self.empty_days)}" if self.empty_days else told


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill has done for one symbol.

    Parameters
    ----------
    written
        Rows added and changed.
    fetched_days, skipped_days
        Days that the exchange was asked for, and days that were settled.
    empty_days
        Days of which the exchange has no bar.
    """

    written: Upserted
    fetched_days: int
    skipped_days: int
    empty_days: tuple[str, ...] = ()


def named_days(days: Sequence[str]) -> str:
    """Days as a person reads them.

    Examples
    --------
    >>> named_days(["2024-01-01", "2024-01-02", "2024-01-05"])
    '2024-01-01 to 2024-01-02, 2024-01-05'
    """
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in spans(days))


async def backfill_bars(
    market: Ingestion,
    asked: SymbolDays,
    *,
    clock: Clock,
    refetch: bool = False,
    on_portion: Callable[[Portion], None] = lambda _: None,
) -> dict[str, Backfill]:
    """Bring the closed 1-minute bars of these days, in portions that are each stored when done.

    Parameters
    ----------
    market
        Source and store.
    asked
        What to bring.
    clock
        Tells when the exchange was asked.
    refetch
        Fetch settled days again too: the exchange may have revised them.
    on_portion
        Told of each portion as soon as it is stored.

    Returns
    -------
    dict[str, Backfill]
        Symbol to what was done.
    """

    async def bring(symbol: str) -> Backfill:
        series = Series(market.exchange, symbol, MINUTES)
        settled = (
            set() if refetch else await asyncio.to_thread(settled_days, market.engine, series, asked.days)
        )
        for first, last in spans(settled):
            on_portion(Portion(symbol, first, last, len(_days(first, last)), None))
        written, empty = Upserted(0, 0), list[str]()
        waiting = sorted(set(asked.days) - settled)
        for first, last in spans(waiting, max_days=PORTION_DAYS):
            portion, asked_at = _days(first, last), clock_time(clock)
            added = (await ingest_bars(market, [symbol], portion))[symbol]
            without = await asyncio.to_thread(save_fetched, market.engine, series, portion, asked_at)
            on_portion(Portion(symbol, first, last, len(portion), added, tuple(without)))
            written, empty = written + added, [*empty, *without]
        return Backfill(written, len(waiting), len(settled), tuple(empty))

    return await for_each_symbol(asked.symbols, bring)


def _days(first: str, last: str) -> list[str]:
    return days_between(day_start_ms(first), day_start_ms(last))
