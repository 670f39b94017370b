"""Grid reversion."""

from quant_pipelines.core.exits import HARD_STOP
from quant_pipelines.indicators import bollinger
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


class GridReversion(CompiledStrategy):
    """A ladder of limits on both sides of the mean; what one side fills is given back at the mean.

    Hypothesis: in a range the price crosses its mean again and again, and who waits with a limit is paid by
    those who can't. Regime: ranges, calm hours. Failure: a trend fills the whole ladder on the wrong side and
    never comes back; then the hard stop closes it all, and no ladder hangs until the price is near its mean.
    """

    inputs = Inputs(symbols=1)
    order_kinds = ("limit",)
    row = ("mean", "step")
    memory = ("is_stopped",)
    window = Int(48, low=12, high=240, log=True)
    spacing = Float(1.0, low=0.5, high=3.0)
    rungs = Int(4, low=1, high=8)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def features(self, bars: Bars) -> dict[str, Array]:
        """Mean of the closes, and the distance between two rungs."""
        lower, middle, _ = bollinger(bars.close, self.window, self.spacing)
        return {"mean": middle, "step": middle - lower}


def _rung(view: View, row: Named, params: Named, orders: Array, number: float) -> None:
    """Hang one limit on either side of the mean, where it would not be taken at once."""
    if number <= params.rungs:
        buy = row.mean - number * row.step
        sell = row.mean + number * row.step
        if 0.0 < buy < view.price:
            limit(orders, 1.0 / params.rungs, buy, post_only=True)
        if sell > view.price:
            limit(orders, -1.0 / params.rungs, sell, post_only=True)


def _hold(row: Named, orders: Array) -> None:
    """Take the other side of the ladder away, and move the way out to the mean."""
    cancel_exits(orders)
    limit(orders, 1.0, row.mean, reduce_only=True)


def on_bar(view: View, row: Named, params: Named, memory: Named, orders: Array) -> None:
    """Hang the ladder again while flat; else move the way out to the mean."""
    if row.step > 0.0 and view.position != 0.0:
        _hold(row, orders)
    elif row.step > 0.0:
        cancel_all(orders)
        if abs(view.price - row.mean) < row.step:
            memory.is_stopped = 0.0
        if memory.is_stopped == 0.0:
            _rung(view, row, params, orders, 1.0)
            _rung(view, row, params, orders, 2.0)
            _rung(view, row, params, orders, 3.0)
            _rung(view, row, params, orders, 4.0)
            _rung(view, row, params, orders, 5.0)
            _rung(view, row, params, orders, 6.0)
            _rung(view, row, params, orders, 7.0)
            _rung(view, row, params, orders, 8.0)


def on_order(view: View, event: OrderNews, row: Named, memory: Named, orders: Array) -> None:
    """Take the other side of the ladder away once one is filled; stay away after a stop."""
    if event.reason == HARD_STOP:
        memory.is_stopped = 1.0
        cancel_all(orders)
    elif event.quantity != 0.0 and view.position != 0.0:
        _hold(row, orders)
