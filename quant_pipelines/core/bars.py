"""Closed bars of one symbol and one timeframe as columns, with what else was known when they closed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bar_fault import BarFault
from quant_pipelines.core.bar_rows import BarRows
from quant_pipelines.core.errors import DataError, StrategyError
from quant_pipelines.core.timeframes import from_ms, timeframe_ms

__all__ = [
    "COLUMNS",
    "DECLARED_AS",
    "PRICE_COLUMNS",
    "BarFault",
    "BarRows",
    "Bars",
    "HigherBars",
    "bars_from_columns",
    "concatenate_bars",
    "empty_bars",
]

Value = TypeVar("Value")

PRICE_COLUMNS = ("open", "high", "low", "close")
COLUMNS = (*PRICE_COLUMNS, "volume")
DECLARED_AS = {
    "funding_rate": "funding",
    "open_interest": "open_interest",
    "index_close": "index",
    "mark_close": "mark",
    "turbulence": "regime",
    "trend": "regime",
}
"""Columns that bars may carry beside their own, and how a strategy's `Inputs` asks for each."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Closed bars, oldest first.

    Parameters
    ----------
    symbol
        ccxt form, such as ``BTC/USDT:USDT``.
    timeframe
        One of 1m, 5m, 15m, 1h, 4h, 1d.
    ts
        Open times, milliseconds UTC, strictly increasing. ndarray of shape (n_bars,), int64.
    open, high, low, close
        Prices in quote per base. ndarray of shape (n_bars,), float64.
    volume
        Traded base quantity. ndarray of shape (n_bars,), float64.
    extras
        Columns of ``DECLARED_AS`` by name, each of shape (n_bars,), float64, as known at each bar's close;
        NaN is unknown. Made by `with_extras`.
    higher
        Bars of higher timeframes by timeframe. Made by `with_higher`.
    """

    symbol: str
    timeframe: str
    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    extras: Mapping[str, FloatArray] = field(default_factory=lambda: _NO_EXTRAS, kw_only=True)
    higher: "Mapping[str, HigherBars]" = field(default_factory=lambda: _NO_HIGHER, kw_only=True)

    @classmethod
    def of_closes(cls, closes: ArrayLike, *, symbol: str = "BTC/USDT:USDT", timeframe: str = "1h") -> "Bars":
        """Bars that open where the one before closed and reach no further, of volume 1, from 1970 on.

        Examples
        --------
        >>> from quant_pipelines.core.bars import Bars
        >>> bars = Bars.of_closes([100, 103, 101])
        >>> bars.open, bars.high
        (array([100., 100., 103.]), array([100., 103., 103.]))
        """
        close = np.asarray(closes, dtype=np.float64)
        open_ = np.concatenate([close[:1], close[:-1]])
        ts = timeframe_ms(timeframe) * np.arange(close.size, dtype=np.int64)
        high, low = np.maximum(open_, close), np.minimum(open_, close)
        return cls(symbol, timeframe, ts, open_, high, low, close, np.ones(close.size))

    def __len__(self) -> int:
        return int(self.ts.size)

    @property
    def funding_rate(self) -> FloatArray:
        """Last paid funding rate as its 8-hour equivalent, a fraction, positive when longs pay; (n_bars,)."""
        return self._extra("funding_rate")

    @property
    def turbulence(self) -> FloatArray:
        """Newest known probability of the turbulent regime, 0 to 1, shape (n_bars,)."""
        return self._extra("turbulence")

    @property
    def trend(self) -> FloatArray:
        """Newest known trend, from -1 (falling) over 0 (a range) to 1 (rising), shape (n_bars,)."""
        return self._extra("trend")

    @property
    def open_interest(self) -> FloatArray:
        """Open contracts in base units, shape (n_bars,)."""
        return self._extra("open_interest")

    @property
    def index_close(self) -> FloatArray:
        """Newest index price known at each close, quote per base, shape (n_bars,)."""
        return self._extra("index_close")

    @property
    def mark_close(self) -> FloatArray:
        """Newest mark price known at each close, quote per base, shape (n_bars,)."""
        return self._extra("mark_close")

    def on(self, timeframe: str) -> "HigherBars":
        """Bars of a higher timeframe that had closed by each bar's close.

        Raises
        ------
        StrategyError
            If the strategy did not declare the timeframe.
        """
        if timeframe not in self.higher:
            raise StrategyError(
                f"timeframe {timeframe!r} is read and not declared; "
                f'expected inputs = Inputs(timeframes=("{timeframe}",))'
            )
        return self.higher[timeframe]

    @property
    def step_ms(self) -> int:
        """Length of one bar in milliseconds."""
        return timeframe_ms(self.timeframe)

    @property
    def close_ts(self) -> IntArray:
        """Close times (open time of the next bar slot), milliseconds UTC, shape (n_bars,)."""
        return self.ts + self.step_ms

    def rows(self, start: int, stop: int) -> "Bars":
        """Bars ``[start:stop]`` by position, without a copy."""
        part = slice(start, stop)
        extras, higher = self.extras, self.higher
        if extras:
            extras = _frozen({name: column[part] for name, column in extras.items()})
        if higher:
            higher = _frozen({name: bars.rows(start, stop) for name, bars in higher.items()})
        return Bars(
            self.symbol,
            self.timeframe,
            self.ts[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
            extras=extras,
            higher=higher,
        )

    def between(self, start_ms: int, end_ms: int) -> "Bars":
        """Bars whose open time lies in ``[start_ms, end_ms)``, without a copy."""
        first, last = np.searchsorted(self.ts, [start_ms, end_ms])
        return self.rows(int(first), int(last))

    def with_extras(self, **extras: FloatArray) -> "Bars":
        """Return the bars with further columns.

        Raises
        ------
        DataError
            If a column is none of ``DECLARED_AS`` or of another length.
        """
        for name, column in extras.items():
            if name not in DECLARED_AS:
                raise DataError(
                    f"column {name!r} of bars is unknown; expected one of {', '.join(DECLARED_AS)}"
                )
            if column.shape != (len(self),):
                raise DataError(f"column {name} has shape {column.shape}; expected ({len(self)},)")
        return replace(self, extras=_frozen({**self.extras, **extras}))

    def with_higher(self, bars: "Bars") -> "Bars":
        """Return the bars with those of a higher timeframe; each of them is known from its close on.

        Raises
        ------
        DataError
            If they are of another symbol or of a finer timeframe.
        """
        if bars.symbol != self.symbol or bars.step_ms < self.step_ms:
            raise DataError(
                f"higher bars are {bars.symbol} {bars.timeframe}; "
                f"expected {self.symbol} in {self.timeframe} or coarser"
            )
        newest = np.searchsorted(bars.close_ts, self.close_ts, side="right").astype(np.int64) - 1
        known = HigherBars(bars, newest).rows(0, len(self))
        return replace(self, higher=_frozen({**self.higher, bars.timeframe: known}))

    def only(self, extras: Iterable[str], timeframes: Iterable[str]) -> "Bars":
        """Return the bars with no other further columns and timeframes than these."""
        return replace(
            self,
            extras=_frozen({name: self.extras[name] for name in extras if name in self.extras}),
            higher=_frozen({name: self.higher[name] for name in timeframes if name in self.higher}),
        )

    def arrays(self) -> Iterator[np.ndarray]:
        """Every column that the bars carry, their own first."""
        yield from (getattr(self, name) for name in COLUMNS)
        yield from self.extras.values()
        for higher in self.higher.values():
            yield from higher.bars.arrays()

    def validated(self) -> "Bars":
        """Return the bars themselves once they are proven usable.

        Raises
        ------
        DataError
            If times are not strictly increasing or off the grid, a price is not finite and positive, a
            volume is negative or not finite, or low/high do not enclose open and close. The message names
            the first bar at fault.
        """
        fault = self.fault()
        if fault is not None:
            raise DataError(
                f"{self.symbol} {self.timeframe}: {fault.name} is {fault.value} at bar {fault.index} "
                f"({from_ms(int(self.ts[fault.index])):%Y-%m-%d %H:%M}); expected {fault.expected}"
            )
        return self

    def fault(self) -> "BarFault | None":
        """First value that makes the bars unusable by the rules of `validated`; None when nothing does."""
        for name, is_bad, expected in self._rules():
            if is_bad.any():
                first = int(np.argmax(is_bad))
                return BarFault(first, name, getattr(self, name)[first], expected)
        return None

    def _extra(self, name: str) -> FloatArray:
        if name not in self.extras:
            raise StrategyError(
                f"{name} is read and not declared; expected inputs = Inputs({DECLARED_AS[name]}=True)"
            )
        return self.extras[name]

    def _rules(self) -> list[tuple[str, np.ndarray, str]]:
        late = np.zeros(len(self), dtype=bool)
        late[1:] = np.diff(self.ts) <= 0
        rules: list[tuple[str, np.ndarray, str]] = [
            ("ts", late, "a time after the bar before"),
            ("ts", self.ts % self.step_ms != 0, f"a multiple of {self.step_ms} ms"),
        ]
        for name in PRICE_COLUMNS:
            column = getattr(self, name)
            rules.append((name, ~(np.isfinite(column) & (column > 0)), "a positive price"))
        rules.append(("volume", ~(np.isfinite(self.volume) & (self.volume >= 0)), "0 or more"))
        rules.append(("low", self.low > np.minimum(self.open, self.close), "at most open and close"))
        rules.append(("high", self.high < np.maximum(self.open, self.close), "at least open and close"))
        return rules


@dataclass(frozen=True, slots=True, eq=False)
class HigherBars:
    """Bars of a higher timeframe as they were known at the closes of a lower one.

    Parameters
    ----------
    bars
        Those that are known at the last lower bar, with what history there is before the first one.
    row
        Newest of them that had closed by each lower bar's close; -1 where none had.
        ndarray of shape (n_lower_bars,), int64, never falling.
    """

    bars: Bars
    row: IntArray

    @property
    def open(self) -> FloatArray:
        """Open of the newest closed bar at each lower bar; NaN before the first one."""
        return self.at(self.bars.open)

    @property
    def high(self) -> FloatArray:
        """High of the newest closed bar at each lower bar; NaN before the first one."""
        return self.at(self.bars.high)

    @property
    def low(self) -> FloatArray:
        """Low of the newest closed bar at each lower bar; NaN before the first one."""
        return self.at(self.bars.low)

    @property
    def close(self) -> FloatArray:
        """Close of the newest closed bar at each lower bar; NaN before the first one."""
        return self.at(self.bars.close)

    @property
    def volume(self) -> FloatArray:
        """Volume of the newest closed bar at each lower bar; NaN before the first one."""
        return self.at(self.bars.volume)

    def at(self, values: FloatArray) -> FloatArray:
        """Values of ``bars``, such as an average of their closes, at each lower bar.

        Parameters
        ----------
        values
            ndarray of shape (n_higher_bars,), float64; ``values[k]`` may use ``bars`` up to ``k``.

        Returns
        -------
        ndarray of shape (n_lower_bars,), float64
            NaN before the first closed higher bar.

        Raises
        ------
        StrategyError
            If the values are not one for each of ``bars``.
        """
        if values.shape != (len(self.bars),):
            raise StrategyError(
                f"values on {self.bars.timeframe} have shape {values.shape}; expected ({len(self.bars)},)"
            )
        if not values.size:
            return np.full(self.row.size, np.nan)
        return np.where(self.row >= 0, values[self.row], np.nan)

    def rows(self, start: int, stop: int) -> "HigherBars":
        """Cut to the lower bars ``[start:stop]``: bars that close after the last of them are not there."""
        row = self.row[start:stop]
        return HigherBars(self.bars.rows(0, int(row[-1]) + 1 if row.size else 0), row)


_NO_EXTRAS: Mapping[str, FloatArray] = MappingProxyType({})
_NO_HIGHER: Mapping[str, HigherBars] = MappingProxyType({})


def _frozen(values: "dict[str, Value]") -> "Mapping[str, Value]":
    return MappingProxyType(values)


def bars_from_columns(symbol: str, timeframe: str, columns: dict[str, np.ndarray]) -> Bars:
    """Bars from columns named ``ts, open, high, low, close, volume``; dtypes are made exact."""
    floats = (np.ascontiguousarray(columns[name], dtype=np.float64) for name in COLUMNS)
    return Bars(symbol, timeframe, np.ascontiguousarray(columns["ts"], dtype=np.int64), *floats)


def empty_bars(symbol: str, timeframe: str) -> Bars:
    """No bars at all."""
    nothing = np.empty(0)
    return bars_from_columns(symbol, timeframe, dict.fromkeys(("ts", *COLUMNS), nothing))


def concatenate_bars(first: Bars, second: Bars) -> Bars:
    """Bars of both, in this order; the second must begin after the first ends.

    Raises
    ------
    DataError
        If one carries further columns or timeframes that the other does not.
    """
    carried = [(*sorted(bars.extras), *sorted(bars.higher)) for bars in (first, second)]
    if carried[0] != carried[1]:
        raise DataError(f"bars carry {carried[0]}, and those after them {carried[1]}; expected the same")
    columns = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("ts", *COLUMNS)
    }
    extras = {name: np.concatenate([column, second.extras[name]]) for name, column in first.extras.items()}
    joined = bars_from_columns(first.symbol, first.timeframe, columns).with_extras(**extras)
    for timeframe, known in first.higher.items():
        later = second.higher[timeframe].bars
        joined = joined.with_higher(
            concatenate_bars(known.bars, later.between(_end_ms(known.bars), _end_ms(later)))
        )
    return joined


def _end_ms(bars: Bars) -> int:
    return int(bars.close_ts[-1]) if len(bars) else 0
