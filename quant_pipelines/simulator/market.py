"""The market as it is known at a moment: history before it, never anything after it.

Days are generated when they are first asked for and kept in small caches; states at midnight form a chain
from the first day of history, so every day is the same however it is reached.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator import seconds as day_seconds
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.listing import BY_NAME, LISTINGS, Listing, listing_index
from quant_pipelines.simulator.ports import Second
from quant_pipelines.simulator.processes import stream
from quant_pipelines.simulator.seconds import SecondsDay
from quant_pipelines.simulator.synthetic import (
    FactorDay,
    FactorState,
    SymbolDay,
    SymbolState,
    factor_day,
    first_factor_state,
    first_symbol_state,
    symbol_day,
)

_SECONDS_STREAM = 1


class Midnight(NamedTuple):
    """State of everything between two days."""

    factor: FactorState
    symbols: tuple[SymbolState, ...]


class SyntheticMarket:
    """Synthetic market of one anchor.

    Parameters
    ----------
    anchor
        Seed, day 0 and length of history.

    Attributes
    ----------
    ends
        When contracts leave the list, milliseconds, by name.
    """

    def __init__(self, anchor: Anchor) -> None:
        self.anchor = anchor
        self.ends: dict[str, int] = {}
        self._midnights = [Midnight(first_factor_state(), tuple(map(first_symbol_state, LISTINGS)))]
        self._factor_day: Callable[[int], FactorDay] = lru_cache(maxsize=8)(self._make_factor_day)
        self._minutes: Callable[[int, int], FloatArray] = lru_cache(maxsize=64)(self._make_minutes)
        self._hours: dict[tuple[int, int], FloatArray] = {}
        self._seconds: Callable[[int, int], SecondsDay] = lru_cache(maxsize=len(LISTINGS) + 2)(self._played)
        self._symbol_day: Callable[[int, int], SymbolDay] = lru_cache(maxsize=64)(self._make_symbol_day)

    @property
    def seed(self) -> int:
        """See ``MarketPort``."""
        return self.anchor.seed

    @property
    def first_ms(self) -> int:
        """See ``MarketPort``."""
        return self.anchor.first_ms

    @property
    def listings(self) -> Mapping[str, Listing]:
        """See ``MarketPort``."""
        return BY_NAME

    def listed_ms(self, _name: str) -> int:
        """Open time of the first bar, the same for all."""
        return self.anchor.first_ms

    def first_bar_ms(self, _name: str, _step_ms: int) -> int:
        """Open time of the first bar, the same for all."""
        return self.anchor.first_ms

    def is_trading(self, _name: str, _now_ms: int) -> bool:
        """Everything trades at all times."""
        return True

    def ends_ms(self, name: str) -> int | None:
        """See ``MarketPort``."""
        return self.ends.get(name)

    def prepare(self, number: int) -> None:
        """Compute the states at midnight up to a day, so that later questions are quick."""
        self._midnight(number)

    def day_number(self, ts_ms: int) -> int:
        """Day of a moment, counted from the first day of history."""
        return (ts_ms - self.anchor.first_ms) // DAY_MS

    def midnight_price(self, name: str, number: int) -> float:
        """Price at 00:00 of a day, before rounding."""
        return float(np.exp(self._midnight(max(number, 0)).symbols[listing_index(name)].log_price))

    def minute_price(self, name: str, at_ms: int) -> float:
        """Price at the start of a minute, before rounding; cheap for any day of history."""
        day = self._symbol_day(listing_index(name), self.day_number(at_ms))
        minute = at_ms % DAY_MS // MINUTE_MS
        return float(np.exp(day.log_close[minute - 1] if minute else day.start.log_price))

    def bars(
        self, name: str, step_ms: int, *, first_ms: int, last_ms: int, now_ms: int
    ) -> tuple[IntArray, FloatArray]:
        """Bars whose open times lie in ``[first_ms, last_ms]``, the open one as it stands at ``now_ms``.

        Returns
        -------
        tuple of ndarray
            Open times of shape (n_bars,) and rows of shape (n_bars, 9), columns as in ``seconds``.
        """
        index = listing_index(name)
        first = max(-(-first_ms // step_ms) * step_ms, self.anchor.first_ms)
        last = min(last_ms, now_ms) // step_ms * step_ms
        if last < first:
            return np.empty(0, np.int64), np.empty((0, day_seconds.N_COLUMNS))
        parts = [
            self._bars_of_day(index, number, step_ms, now_ms)
            for number in range(self.day_number(first), self.day_number(last) + 1)
        ]
        rows = np.concatenate(parts)
        origin = self.anchor.first_ms + self.day_number(first) * DAY_MS
        ts = origin + np.arange(len(rows), dtype=np.int64) * step_ms
        keep = slice((first - origin) // step_ms, (last - origin) // step_ms + 1)
        return ts[keep], rows[keep]

    def second(self, name: str, now_ms: int) -> Second:
        """Return what trades in the second of ``now_ms``."""
        index = listing_index(name)
        listing = LISTINGS[index]
        day = self._seconds(index, self.day_number(now_ms))
        at = now_ms % DAY_MS // 1000
        return Second(
            int(day.ticks[at]) / 10**listing.price_decimals,
            int(day.lots[at]) / 10**listing.quantity_decimals,
            int(day.trades[at]),
            float(day.taker_share[at // 60]),
        )

    def price(self, name: str, at_ms: int) -> float:
        """Last traded price at a moment."""
        return self.second(name, at_ms).price

    def _bars_of_day(self, index: int, number: int, step_ms: int, now_ms: int) -> FloatArray:
        day_start = self.anchor.first_ms + number * DAY_MS
        if now_ms < day_start + DAY_MS:
            rows = self._minutes_until(index, number, now_ms - day_start)
        elif step_ms >= HOUR_MS:
            return day_seconds.merge_bars(self._hours_of(index, number), step_ms // HOUR_MS)
        else:
            rows = self._minutes(index, number)
        return rows if step_ms == MINUTE_MS else day_seconds.merge_bars(rows, step_ms // MINUTE_MS)

    def _minutes_until(self, index: int, number: int, elapsed_ms: int) -> FloatArray:
        minute, stop = elapsed_ms // MINUTE_MS, elapsed_ms // 1000 + 1
        current = day_seconds.bars_of(
            self._seconds(index, number), LISTINGS[index], start=minute * 60, stop=stop
        )
        return np.concatenate([self._minutes(index, number)[:minute], current])

    def _make_minutes(self, index: int, number: int) -> FloatArray:
        rows = day_seconds.bars_of(self._played(index, number), LISTINGS[index])
        self._hours[(index, number)] = day_seconds.merge_bars(rows, 60)
        return rows

    def _hours_of(self, index: int, number: int) -> FloatArray:
        if (index, number) not in self._hours:
            self._make_minutes(index, number)
        return self._hours[(index, number)]

    def _played(self, index: int, number: int) -> SecondsDay:
        rng = stream(self.anchor.seed, index, self._day(number), _SECONDS_STREAM)
        return day_seconds.play_day(rng, LISTINGS[index], self._symbol_day(index, number))

    def _make_symbol_day(self, index: int, number: int) -> SymbolDay:
        state = self._midnight(number).symbols[index]
        return symbol_day(self.anchor.seed, self._day(number), index, state, self._factor_day(number))

    def _make_factor_day(self, number: int) -> FactorDay:
        return factor_day(self.anchor.seed, self._day(number), self._midnight(number).factor)

    def _midnight(self, number: int) -> Midnight:
        while len(self._midnights) <= number:
            self._midnights.append(self._next_midnight(len(self._midnights) - 1))
        return self._midnights[number]

    def _next_midnight(self, number: int) -> Midnight:
        seed, day, now = self.anchor.seed, self._day(number), self._midnights[number]
        factor = factor_day(seed, day, now.factor)
        ends = (symbol_day(seed, day, index, state, factor).end for index, state in enumerate(now.symbols))
        return Midnight(factor.end, tuple(ends))

    def _day(self, number: int) -> int:
        return number - self.anchor.history_days
