"""Grid reversion."""

from quant_pipelines.indicators import bollinger
from quant_pipelines.sdk import Array, Bars, Desk, EventStrategy, Float, Inputs, Int, OrderEvent, Stops


class GridReversion(EventStrategy):
    """A ladder of limits on both sides of the mean; what one side fills is given back at the mean.

    Hypothesis: in a range the price crosses its mean again and again, and who waits with a limit is paid by
    those who can't. Regime: ranges, calm hours. Failure: a trend fills the whole ladder on the wrong side and
    never comes back; then the hard stop closes it all, and no ladder hangs until the price is near its mean.
    """

    inputs = Inputs(symbols=1)
    order_kinds = ("limit",)
    window = Int(48, low=12, high=240, log=True)
    spacing = Float(1.0, low=0.5, high=3.0)
    rungs = Int(4, low=1, high=8)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def features(self, bars: Bars) -> dict[str, Array]:
        """Mean of the closes, and the distance between two rungs."""
        lower, middle, _ = bollinger(bars.close, self.window, self.spacing)
        return {"mean": middle, "step": middle - lower}

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Hang the ladder again while flat; else move the way out to the mean."""
        mean, step = desk.features["mean"], desk.features["step"]
        if not step > 0.0:
            return
        if desk.position != 0.0:
            self._hold(desk)
            return
        desk.cancel_all()
        if abs(desk.price - mean) < step:
            desk.memory["is_stopped"] = False
        if desk.memory.get("is_stopped", False):
            return
        for rung in range(1, self.rungs + 1):
            if 0.0 < mean - rung * step < desk.price:
                desk.limit(1.0 / self.rungs, mean - rung * step, post_only=True)
            if mean + rung * step > desk.price:
                desk.limit(-1.0 / self.rungs, mean + rung * step, post_only=True)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        """Take the other side of the ladder away once one is filled; stay away after a stop."""
        if event.reason == "hard_stop":
            desk.memory["is_stopped"] = True
            desk.cancel_all()
        elif event.quantity != 0.0 and desk.position != 0.0:
            self._hold(desk)

    def _hold(self, desk: Desk) -> None:
        for order in desk.orders:
            if order.reduce_only or order.leaves * desk.position < 0.0:
                desk.cancel(order.number)
        desk.limit(1.0, desk.features["mean"], reduce_only=True)
