"""Charts of the console: those of the reports, of what the database holds."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from markupsafe import Markup

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.gateway.reading_models import FillView
from quant_pipelines.metrics import underwater
from quant_pipelines.reports.axes import Axis, number_axis, time_axis
from quant_pipelines.reports.candle_layers import candle_layers
from quant_pipelines.reports.charts import Chart, Layer, Mark, area, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import minute, money, percent, plain, words

MOST_CANDLES = 2_000
_FEWEST = 2
_SIDES: Final[tuple[Literal["left"], Literal["right"]]] = ("left", "right")


class BookedCurve(NamedTuple):
    """Values over time, oldest first: times in milliseconds, shape (n,), and values of the same shape."""

    times: IntArray
    values: FloatArray


def curve_of(times_ms: Sequence[int], values: Sequence[float]) -> BookedCurve:
    """Curve of sequences of the same length."""
    return BookedCurve(np.asarray(times_ms, dtype=np.int64), np.asarray(values, dtype=np.float64))


def equity_chart(title: str, curve: BookedCurve, unit: str = "quote") -> Markup:
    """Figure of an equity; nothing where there are fewer than two points."""
    if curve.values.size < _FEWEST:
        return Markup("")
    x, y = _time(curve.times), number_axis(curve.values, money, count=4)
    drawn = line(x, y, curve.times, curve.values, name="equity")
    first, last = (money(float(curve.values[at])) for at in (0, -1))
    return _figure(Chart(title, unit, x, y, [drawn], height=220, hover="plain"), f"From {first} to {last}.")


def drawdown_chart(title: str, curve: BookedCurve) -> Markup:
    """Figure of the distance from the highest value so far; nothing where there are fewer than two."""
    if curve.values.size < _FEWEST:
        return Markup("")
    depth = underwater(curve.values)
    x, y = _time(curve.times), number_axis(depth, lambda value: percent(value, 1), count=3, has_zero=True)
    layers = [area(x, y, curve.times, depth), line(x, y, curve.times, depth, name="below the peak")]
    chart = Chart(title, "of the peak", x, y, layers, height=130, hover="%")
    return _figure(chart, f"Deepest {percent(float(depth.min()))}.")


def candle_chart(title: str, bars: Bars, stops: BookedCurve, marks: Sequence[Mark]) -> Markup:
    """Figure of candles with stops and fills; nothing without bars.

    Parameters
    ----------
    title
        Above it.
    bars
        At most ``MOST_CANDLES``.
    stops
        Level of the stop from each close on, ascending, NaN where none stood.
    marks
        Fills, as ``fill_marks`` makes them.
    """
    if not len(bars):
        return Markup("")
    start, end = int(bars.ts[0]), int(bars.close_ts[-1]) + bars.step_ms  # fills of the bar that goes on, too
    inside = (stops.times >= start) & (stops.times < end)
    at, levels = stops.times[inside], stops.values[inside]
    x, y = time_axis(start, end, 5), number_axis(np.concatenate([bars.low, bars.high, levels]))
    shown = [mark for mark in marks if start <= mark.place[0] < end]
    layers = candle_layers(bars, x, y, bars.step_ms)
    if at.size:
        layers.append(_stops(x, y, BookedCurve(at, levels), end))
    unit = f"quote per base, {len(bars)} bars of {bars.timeframe}"
    chart = Chart(title, unit, x, y, layers, height=340, marks=shown, hover="plain")
    return _figure(chart, f"{len(shown)} fills are marked; the table of fills lists them.")


def fill_marks(fills: Sequence[FillView], position: Decimal) -> list[Mark]:
    """Signs of fills: triangles for what opens or adds, crosses for what closes; hints say the rest.

    Parameters
    ----------
    fills
        Newest first.
    position
        Held after the newest of them, signed base quantity.
    """
    marks = []
    for fill in fills:
        change = fill.quantity if fill.side == "buy" else -fill.quantity
        before = position - change
        is_entry = abs(position) > abs(before)
        sign = ("▲" if fill.side == "buy" else "▼") if is_entry else "✕"
        kind = "c3 below" if fill.side == "buy" else "c4 above"
        hint = f"{'entry' if is_entry else 'exit'}: {fill.side} {plain(float(fill.quantity))} at "
        hint += f"{plain(float(fill.price))}, {minute(to_ms(fill.ts))}, {words(fill.reason)}"
        marks.append(Mark((float(to_ms(fill.ts)), float(fill.price)), sign, kind, hint))
        position = before
    return marks


def sparkline(values: Sequence[float]) -> Markup:
    """Small line without axes; nothing where there are fewer than two points."""
    if len(values) < _FEWEST:
        return Markup("")
    shown = np.asarray(values, dtype=np.float64)
    at = np.arange(shown.size, dtype=np.float64)
    drawn = line(Axis(0.0, float(at[-1]), ()), number_axis(shown), at, shown)
    return Markup(  # noqa: S704 - numbers only
        '<svg class="spark c1" viewBox="0 0 1000 1000" preserveAspectRatio="none" '
        f'aria-hidden="true">{drawn.shapes}</svg>'
    )


def payments(rows: Sequence[Mapping[str, Any]]) -> BookedCurve:
    """Amounts of rows with ``ts`` and ``amount``, oldest first."""
    return curve_of([to_ms(row["ts"]) for row in rows], [float(row["amount"]) for row in rows])


def without_payments(worth: BookedCurve, paid: BookedCurve) -> BookedCurve:
    """Worth as its first value would have grown had no capital come or gone; pure.

    Parameters
    ----------
    worth
        Ascending; a value is from before what was paid at its very time.
    paid
        Amounts, ascending; negative when taken out.
    """
    if not worth.values.size:
        return worth
    total = np.concatenate([[0.0], np.cumsum(paid.values)])
    until, since = (total[np.searchsorted(paid.times, worth.times, side=side)] for side in _SIDES)
    # What was paid at a point worked for the whole step after it, what came later within it for none of it.
    before = worth.values[:-1] + (since - until)[:-1]
    after = worth.values[1:] - (until[1:] - since[:-1])
    has_worth = before > 0.0
    growth = np.where(has_worth, after, 1.0) / np.where(has_worth, before, 1.0)
    return BookedCurve(worth.times, worth.values[0] * np.cumprod(np.concatenate([[1.0], growth])))


def drawdown_of(values: FloatArray) -> float:
    """Fraction by which the last value lies below the highest."""
    return float(1.0 - values[-1] / values.max()) if values.size and values.max() > 0 else 0.0


def _stops(x: Axis, y: Axis, stops: BookedCurve, end_ms: int) -> Layer:
    """Level as it stood until the next one, wherever that is: a line that never goes back in time."""
    times = np.column_stack([stops.times, np.append(stops.times[1:], end_ms)]).ravel()
    return line(x, y, times, np.repeat(stops.values, 2), name="stop", kind="c2", sign="dotted")


def _time(times: IntArray) -> Axis:
    return time_axis(int(times[0]), int(times[-1]), 4)


def _figure(chart: Chart, says: str) -> Markup:
    return Markup(draw(chart, says))  # noqa: S704 - each text in it is escaped
