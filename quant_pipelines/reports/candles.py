"""Candles with the entries and exits of round trips."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from quant_pipelines.backtest.bar.trades import Trade
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.reports.axes import number_axis, time_axis
from quant_pipelines.reports.candle_layers import candle_layers
from quant_pipelines.reports.charts import Chart, Mark
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import minute, money, plain, words

MOST = 120
"""Candles of a panel; longer stretches are merged, and the panel says so."""
_MOST_MARKED = 60


def panel(title: str, bars: Bars, trades: Sequence[Trade]) -> str:
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
    layers = candle_layers(shown, x, y, step)
    unit = f"quote per base, {note}"
    return draw(Chart(title, unit, x, y, layers, height=250, marks=marks, hover="plain"))


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
