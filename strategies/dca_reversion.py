"""Reversion by averaging down."""

from quant_pipelines.indicators import atr, rolling_z
from quant_pipelines.sdk import (
    Array,
    Bars,
    CompiledStrategy,
    Float,
    Inputs,
    Int,
    Named,
    OrderNews,
    Stops,
    View,
)
from quant_pipelines.sdk.asks import cancel_all, cancel_exits, limit


class DcaReversion(CompiledStrategy):
    """Buys a dip in parts, each lower than the last, and sells all of it a little above the average price.

    Hypothesis: a sudden fall overshoots, and a lower average needs only part of it back. Regime: ranges and
    rising markets with sharp, short falls. Failure: a fall that goes on takes every part and the hard stop
    closes them together, which costs what many small gains brought; a time stop ends what never recovers.
    """

    inputs = Inputs(symbols=1)
    order_kinds = ("limit",)
    row = ("z", "range")
    window = Int(48, low=12, high=240, log=True)
    depth = Float(2.0, low=1.0, high=4.0)
    spacing = Float(1.5, low=0.5, high=4.0)
    parts = Int(4, low=2, high=8)
    gain = Float(0.01, low=0.002, high=0.05, log=True)
    stops = Stops(hard_stop=Float(0.08, low=0.02, high=0.25, log=True), time_stop=Int(240, low=24, high=960))

    @property
    def history_bars(self) -> int:
        """Wilder's average forgets slowly."""
        return 24 * self.window

    def features(self, bars: Bars) -> dict[str, Array]:
        """How far the close is from its mean in deviations, and the average true range."""
        return {
            "z": rolling_z(bars.close, self.window),
            "range": atr(bars.high, bars.low, bars.close, self.window),
        }


def _part(view: View, params: Named, orders: Array, number: float, step: float) -> None:
    """Let one part wait below the price; the first is at the price itself."""
    if number < params.parts:
        price = view.price - number * step
        if price > 0.0:
            limit(orders, 1.0 / params.parts, price)


def on_bar(view: View, row: Named, params: Named, orders: Array) -> None:
    """Begin with one part below the band, and let the others wait below; give up what wasn't filled."""
    if view.position == 0.0:
        cancel_all(orders)
        step = params.spacing * row.range
        if row.z < -params.depth and step > 0.0:
            _part(view, params, orders, 0.0, step)
            _part(view, params, orders, 1.0, step)
            _part(view, params, orders, 2.0, step)
            _part(view, params, orders, 3.0, step)
            _part(view, params, orders, 4.0, step)
            _part(view, params, orders, 5.0, step)
            _part(view, params, orders, 6.0, step)
            _part(view, params, orders, 7.0, step)


def on_order(view: View, event: OrderNews, params: Named, orders: Array) -> None:
    """Move the way out with the average price; after the exit nothing is bought any more."""
    if view.position == 0.0:
        cancel_all(orders)
    elif event.quantity > 0.0:
        cancel_exits(orders)
        limit(orders, 1.0, view.entry_price * (1.0 + params.gain), reduce_only=True)
