"""Closed bars of one symbol and one timeframe as columns."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import from_ms, timeframe_ms

PRICE_COLUMNS = ("open", "high", "low", "close")
COLUMNS = (*PRICE_COLUMNS, "volume")


@dataclass(frozen=True, slots=True)
class BarFault:
    """One value that makes bars unusable.

    Parameters
    ----------
    index
        Position of the bar.
    name
        Column.
    value
        What stands there.
    expected
        What should.
    """

    index: int
    name: str
    value: float
    expected: str


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
    """

    symbol: str
    timeframe: str
    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return int(self.ts.size)

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
        columns = {name: getattr(self, name)[part] for name in COLUMNS}
        return Bars(self.symbol, self.timeframe, self.ts[part], **columns)

    def between(self, start_ms: int, end_ms: int) -> "Bars":
        """Bars whose open time lies in ``[start_ms, end_ms)``, without a copy."""
        first, last = np.searchsorted(self.ts, [start_ms, end_ms])
        return self.rows(int(first), int(last))

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


def bars_from_columns(symbol: str, timeframe: str, columns: dict[str, np.ndarray]) -> Bars:
    """Bars from columns named ``ts, open, high, low, close, volume``; dtypes are made exact."""
    floats = {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in COLUMNS}
    return Bars(symbol, timeframe, np.ascontiguousarray(columns["ts"], dtype=np.int64), **floats)


def empty_bars(symbol: str, timeframe: str) -> Bars:
    """No bars at all."""
    nothing = np.empty(0)
    return bars_from_columns(symbol, timeframe, dict.fromkeys(("ts", *COLUMNS), nothing))


def concatenate_bars(first: Bars, second: Bars) -> Bars:
    """Bars of both, in this order; the second must begin after the first ends."""
    columns = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("ts", *COLUMNS)
    }
    return bars_from_columns(first.symbol, first.timeframe, columns)


@dataclass(frozen=True, slots=True, eq=False)
class BarRows:
    """Closed bars of one symbol and one timeframe as the exchange reports and the database stores them.

    Parameters
    ----------
    ts
        Open times, milliseconds UTC. ndarray of shape (n_bars,), int64.
    open, high, low, close
        Prices in quote per base. ndarray of shape (n_bars,), float64.
    volume, quote_volume
        Traded quantity in base and in quote. ndarray of shape (n_bars,), float64.
    trades
        Number of trades. ndarray of shape (n_bars,), int64.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    quote_volume: FloatArray
    trades: IntArray

    def __len__(self) -> int:
        return int(self.ts.size)
