"""Candles as layers of a chart, with their prices for the script."""

import numpy as np

from quant_pipelines.core.bars import Bars
from quant_pipelines.reports.axes import SIZE, Axis
from quant_pipelines.reports.charts import Layer, told_times, told_values


def candle_layers(bars: Bars, x: Axis, y: Axis, step_ms: int) -> list[Layer]:
    """Candles of ``step_ms`` each, those that rose hollow, and their prices for the script."""
    width = 0.7 * SIZE * step_ms / (x.high - x.low)
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
    return [*layers, Layer(_told(bars, step_ms))]


def _told(bars: Bars, step_ms: int) -> str:
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close]).ravel()
    places = told_times(bars.ts + step_ms // 2)
    key = "x" if len(bars) > 1 else "at"
    return (
        f'<g data-name="bar" data-shift="{step_ms // 2}" data-{key}="{places}" '
        f'data-ohlc="{told_values(prices)}"/>'
    )


def _foot(open_: float, close: float) -> float:
    """Place of the close, a hair away from the open where both are the same."""
    return close if abs(close - open_) >= 1.0 else open_ + 1.0
