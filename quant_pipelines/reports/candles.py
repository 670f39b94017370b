"""Candles with the entries and exits of round trips."""

from dataclasses import replace

import numpy as np

from quant_pipelines.backtest.bar.trades import Trade
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.reports.axes import SIZE, Axis, number_axis, time_axis
from quant_pipelines.reports.charts import Chart, Layer, Mark, draw
from quant_pipelines.reports.numbers import minute, money, plain, words

MOST = 120
"""Candles of a panel; longer stretches are merged, and the panel says so."""
_MOST_MARKED = 60


def panel(title: str, bars: Bars, trades: tuple[Trade, ...]) -> str:
    """Chart of some bars with the fills of the round trips that fall into them."""
    start, end = int(bars.ts[0]), int(bars.close_ts[-1])
    merged = -(-len(bars) // MOST)
    shown = merge(bars, merged) if merged > 1 else bars
    x, y = time_axis(start, end, 5), number_axis(np.concatenate([bars.low, bars.high]))
    note = f"one candle is {merged} bars of {bars.timeframe}" if merged > 1 else f"{bars.timeframe} bars"
    inside = [trade for trade in trades if to_ms(trade.exit_time) >= start and to_ms(trade.entry_time) < end]
    step = merged * bars.step_ms
    marks = [_within(mark, start, step) for trade in inside for mark in _marks(trade)]
    marks = [mark for mark in marks if start <= mark.place[0] < end]
    if len(marks) > _MOST_MARKED:
        note += f", {len(inside)} round trips are too many to mark"
        marks = []
    layers = _candles(shown, x, y, 0.7 * SIZE * step / (end - start), step)
    return draw(Chart(title, f"quote per base, {note}", x, y, layers, height=250, marks=marks))


def merge(bars: Bars, count: int) -> Bars:
    """Bars of ``count`` neighbors each: first open, highest high, lowest low, last close, sum of volume."""
    starts = np.arange(0, len(bars), count)
    ends = np.minimum(starts + count, len(bars)) - 1
    columns = {
        "ts": bars.ts[starts],
        "open": bars.open[starts],
        "high": np.maximum.reduceat(bars.high, starts),
        "low": np.minimum.reduceat(bars.low, starts),
        "close": bars.close[ends],
        "volume": np.add.reduceat(bars.volume, starts),
    }
    return bars_from_columns(bars.symbol, bars.timeframe, columns)


def _candles(bars: Bars, x: Axis, y: Axis, width: float, step_ms: int) -> list[Layer]:
    middle = x.place((bars.ts + step_ms / 2).astype(np.float64))
    open_, high, low, close = (
        SIZE - y.place(getattr(bars, name)) for name in ("open", "high", "low", "close")
    )
    layers = []
    for is_up, kind, name in ((True, "c1", "up"), (False, "c2", "down")):
        rows = np.flatnonzero((bars.close >= bars.open) == is_up).tolist()
        wicks = "".join(f"M{middle[i]:.1f} {high[i]:.1f}V{low[i]:.1f}" for i in rows)
        bodies = "".join(
            f"M{middle[i] - width / 2:.1f} {open_[i]:.1f}h{width:.1f}"
            f"V{_foot(open_[i], close[i]):.1f}h-{width:.1f}Z"
            for i in rows
        )
        body = "hollow" if is_up else "body"
        layers.append(
            Layer(
                f'<path class="wick" d="{wicks}"/><path class="{body}" d="{bodies}"/>',
                name,
                kind,
                "frame" if is_up else "box",
            )
        )
    return layers


def _foot(open_: float, close: float) -> float:
    """Place of the close, a hair away from the open where both are the same."""
    return close if abs(close - open_) >= 1.0 else open_ + 1.0


def _within(mark: Mark, start: int, step: int) -> Mark:
    """Mark in the middle of the candle in which it happened."""
    at, price = mark.place
    return replace(mark, place=(start + (at - start) // step * step + step / 2, price))


def _marks(trade: Trade) -> tuple[Mark, Mark]:
    is_long = trade.side == "long"
    entered, left = to_ms(trade.entry_time), to_ms(trade.exit_time)
    return (
        Mark(
            (entered, trade.entry_price),
            "▲" if is_long else "▼",
            "c3 below" if is_long else "c4 above",
            f"{trade.side} {plain(trade.quantity)} at {plain(trade.entry_price)}, {minute(entered)}",
        ),
        Mark(
            (left, trade.exit_price),
            "✕",
            "c3" if is_long else "c4",
            f"exit of {trade.side} at {plain(trade.exit_price)}, {minute(left)}, {words(trade.exit_reason)}, "
            f"pnl {money(trade.pnl)}",
        ),
    )
