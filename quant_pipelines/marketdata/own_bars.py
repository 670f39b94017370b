"""The exchange's own bars of long timeframes: history where minutes don't reach, and a check of our roll-ups.

A complete roll-up always wins, since it is what the minutes say; own bars fill what minutes leave open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.marketdata.days import spans, window_of
from quant_pipelines.marketdata.ingest import Ingestion, for_each_symbol

OWN_TIMEFRAMES = ("1h", "4h", "1d")
"""Few enough requests to ask for all of history: four for 91 days of a symbol, beside 90 for its minutes."""

_NAMES = tuple(field.name for field in fields(BarRows))
_EMPTY: dict[str, Any] = {
    name: np.empty(0, np.int64 if name in ("ts", "trades") else np.float64) for name in _NAMES
}
_NOTHING = BarRows(**_EMPTY)


@dataclass(frozen=True, slots=True, eq=False)
class OwnBars:
    """What the exchange itself says of the days that are over.

    Parameters
    ----------
    days
        UTC days that were asked for, oldest first.
    bars
        Symbol, then timeframe, to bars; empty ones where the exchange has none.
    """

    days: tuple[str, ...] = ()
    bars: Mapping[str, Mapping[str, BarRows]] = field(default_factory=dict)

    def between(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Bars of one series that open in a window."""
        rows = self.bars.get(symbol, {}).get(timeframe, _NOTHING)
        first, last = np.searchsorted(rows.ts, window)
        return BarRows(**{name: getattr(rows, name)[first:last] for name in _NAMES})


async def fetch_own_bars(market: Ingestion, symbols: list[str], days: Sequence[str], clock: Clock) -> OwnBars:
    """Fetch the exchange's own bars of those days that are over; a day that still grows is left alone."""
    now_ms = clock()
    finished = tuple(day for day in sorted(set(days)) if day_start_ms(day) + DAY_MS <= now_ms)

    async def fetch(symbol: str) -> dict[str, BarRows]:
        return {timeframe: await _fetch(market, symbol, timeframe, finished) for timeframe in OWN_TIMEFRAMES}

    return OwnBars(finished, await for_each_symbol(symbols, fetch))


def completed(rolled: BarRows, own: BarRows) -> BarRows:
    """Roll-ups with own bars where there is none, oldest first."""
    is_open = ~np.isin(own.ts, rolled.ts)
    order = np.argsort(np.concatenate([rolled.ts, own.ts[is_open]]), kind="stable")
    columns = {name: (getattr(rolled, name), getattr(own, name)[is_open]) for name in _NAMES}
    return BarRows(**{name: np.concatenate(parts)[order] for name, parts in columns.items()})


async def _fetch(market: Ingestion, symbol: str, timeframe: str, days: Sequence[str]) -> BarRows:
    fetched: list[BarRows] = [_NOTHING]
    for first, last in spans(days):
        fetched.append(await market.source.bars(symbol, timeframe, window_of(first, last)))
    return BarRows(**{name: np.concatenate([getattr(rows, name) for rows in fetched]) for name in _NAMES})
