"""Attaches to bars what a strategy declares to read: the one place for backtests, research and the runner.

Everything is joined by what was known at each bar's close; what is missing or too old is NaN, never guessed.
"""

from typing import Protocol

import numpy as np

from quant_pipelines.core.asof import KnownPoints, values_as_of
from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns, empty_bars
from quant_pipelines.core.funding import eight_hour_rates
from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, floor_ms, timeframe_ms
from quant_pipelines.sdk.strategy import Strategy

MAX_AGE_MS = {
    "funding_rate": DAY_MS,
    "open_interest": 3 * HOUR_MS,
    "index_close": HOUR_MS,
    "mark_close": HOUR_MS,
    "turbulence": 3 * HOUR_MS,
    "trend": 3 * HOUR_MS,
}
"""Age, from a value's own time to the bar's close, beyond which it counts as unknown."""

_LOOKBACK_MS = 2 * DAY_MS  # more than any age, and an interval of funding before it
_MENTIONED_SHARE = 0.01


class InputSource(Protocol):
    """Where inputs come from.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.asof import KnownPoints
    >>> from quant_pipelines.core.bars import empty_bars
    >>> class Source:  # one index price, of 00:00, that was known a minute later; no bars of its own
    ...     def points(self, symbol, name, start_ms, end_ms):
    ...         price = KnownPoints(np.array([0]), np.array([60_000]), np.array([99.5]))
    ...         return price.between(start_ms, end_ms)
    ...     def own_bars(self, symbol, timeframe, start_ms, end_ms):
    ...         return empty_bars(symbol, timeframe)
    >>> Source().points("BTC/USDT:USDT", "index_close", 0, 1).values
    array([99.5])
    """

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """Values of one of ``MAX_AGE_MS`` with times in ``[start_ms, end_ms)``; empty where there are none.

        Funding rates come as they were paid, fractions an interval.
        """
        ...

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """Bars of a timeframe that open in ``[start_ms, end_ms)``; empty where there are none."""
        ...


def attach_inputs(strategy_class: type[Strategy], bars: Bars, source: InputSource) -> Bars:
    """Bars with every input that a strategy declares; the bars themselves where it declares none.

    Parameters
    ----------
    strategy_class
        Whose declaration.
    bars
        Its bars.
    source
        Where the inputs are.

    Raises
    ------
    StrategyError
        If a declared timeframe is finer than the bars.
    DataError
        If the source's data are malformed.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.asof import KnownPoints
    >>> from quant_pipelines.sdk import Bars, Inputs, Strategy, attach_inputs
    >>> class Basis(Strategy):
    ...     inputs = Inputs(index=True)
    >>> class Source:  # see InputSource
    ...     def points(self, symbol, name, start_ms, end_ms):
    ...         price = KnownPoints(np.array([0]), np.array([60_000]), np.array([99.5]))
    ...         return price.between(start_ms, end_ms)
    >>> attach_inputs(Basis, Bars.of_closes([100, 101]), Source()).index_close  # too old at the second close
    array([99.5,  nan])
    """
    inputs = strategy_class.inputs
    if not inputs.has_more:
        return bars
    inputs.check_timeframe(bars.timeframe)
    bars = bars.with_extras(**{name: _column(name, bars, source) for name in inputs.columns})
    for timeframe in inputs.timeframes:
        bars = bars.with_higher(_higher(timeframe, strategy_class, bars, source))
    return bars


def as_read(name: str, points: KnownPoints) -> KnownPoints:
    """Points of a source in the unit in which strategies read them.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.asof import KnownPoints
    >>> from quant_pipelines.core.timeframes import HOUR_MS
    >>> from quant_pipelines.sdk.attach import as_read
    >>> slots = np.array([0, 4, 8]) * HOUR_MS
    >>> as_read("funding_rate", KnownPoints(slots, slots, np.full(3, 1e-4))).values  # paid every four hours
    array([0.0001, 0.0002, 0.0002])
    """
    return eight_hour_rates(points) if name == "funding_rate" else points


def first_higher_ms(strategy_class: type[Strategy], start_ms: int, timeframe: str) -> int:
    """Open time of the oldest bar of a higher timeframe that is read for bars from ``start_ms`` on.

    Examples
    --------
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.sdk import Inputs, Int, Strategy
    >>> from quant_pipelines.sdk.attach import first_higher_ms
    >>> class Slow(Strategy):
    ...     inputs = Inputs(timeframes=("1d",))
    ...     window = Int(3, low=2, high=4)
    >>> first_higher_ms(Slow, 100 * DAY_MS, "1d") // DAY_MS  # five times the longest window before it
    80
    """
    step_ms = timeframe_ms(timeframe)
    return floor_ms(start_ms, step_ms) - strategy_class.higher_history_bars() * step_ms


def unknown_shares(bars: Bars) -> dict[str, float]:
    """Share of the bars at which each input that they carry is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars
    >>> from quant_pipelines.sdk.attach import unknown_shares
    >>> bars = Bars.of_closes([100, 101, 102, 103])
    >>> unknown_shares(bars.with_extras(index_close=np.array([np.nan, 101.0, 102.0, 103.0])))
    {'index_close': 0.25}
    """
    shares = {name: float(np.isnan(column).mean()) for name, column in bars.extras.items() if column.size}
    known = {f"{name} bars": higher.row for name, higher in bars.higher.items() if higher.row.size}
    return shares | {name: float((row < 0).mean()) for name, row in known.items()}


def missing_inputs(bars: Bars) -> tuple[str, ...]:
    """Name the inputs that bars should carry and that were unknown at 1 % of them or more.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars
    >>> from quant_pipelines.sdk.attach import missing_inputs
    >>> bars = Bars.of_closes([100, 101, 102, 103])
    >>> missing_inputs(bars.with_extras(index_close=np.array([np.nan, 101.0, 102.0, 103.0])))
    ('input index_close (unknown at 25% of the bars)',)
    """
    return tuple(
        f"input {name} (no data)" if share == 1.0 else f"input {name} (unknown at {share:.0%} of the bars)"
        for name, share in unknown_shares(bars).items()
        if share >= _MENTIONED_SHARE
    )


def _column(name: str, bars: Bars, source: InputSource) -> np.ndarray:
    if not len(bars):
        return np.empty(0)
    start_ms, end_ms = int(bars.ts[0]) - _LOOKBACK_MS, int(bars.close_ts[-1]) + 1
    points = as_read(name, source.points(bars.symbol, name, start_ms, end_ms))
    return values_as_of(points, bars.close_ts, MAX_AGE_MS[name])


def _higher(timeframe: str, strategy_class: type[Strategy], bars: Bars, source: InputSource) -> Bars:
    """Own bars of the source, and roll-ups where it has none."""
    if not len(bars):
        return empty_bars(bars.symbol, timeframe)
    step_ms, end_ms = timeframe_ms(timeframe), int(bars.close_ts[-1])
    start_ms = first_higher_ms(strategy_class, int(bars.ts[0]), timeframe)
    own = source.own_bars(bars.symbol, timeframe, start_ms, end_ms - step_ms + 1)
    if len(own) * step_ms >= floor_ms(end_ms, step_ms) - start_ms:
        return own.validated()
    finer = source.own_bars(bars.symbol, bars.timeframe, start_ms, end_ms)
    rolled = roll_up_bars(finer if len(finer) else bars, timeframe)
    ts, first = np.unique(np.concatenate([own.ts, rolled.ts]), return_index=True)
    columns = {name: np.concatenate([getattr(own, name), getattr(rolled, name)])[first] for name in COLUMNS}
    return bars_from_columns(bars.symbol, timeframe, {"ts": ts, **columns}).validated()
