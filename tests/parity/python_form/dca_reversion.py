"""Reversion by averaging down."""

from quant_pipelines.indicators import atr, rolling_z
from quant_pipelines.sdk import Array, Bars, Desk, EventStrategy, Float, Inputs, Int, OrderEvent, Stops


class DcaReversion(EventStrategy):
    """Buys a dip in parts, each lower than the last, and sells all of it a little above the average price.

    Hypothesis: a sudden fall overshoots, and a lower average needs only part of it back. Regime: ranges and
    rising markets with sharp, short falls. Failure: a fall that goes on takes every part and the hard stop
    closes them together, which costs what many small gains brought; a time stop ends what never recovers.
    """

    inputs = Inputs(symbols=1)
    order_kinds = ("limit",)
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

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Begin with one part below the band, and let the others wait below; give up what wasn't filled."""
        if desk.position != 0.0:
            return
        desk.cancel_all()
        step = self.spacing * desk.features["range"]
        if not (desk.features["z"] < -self.depth and step > 0.0):
            return
        for part in range(self.parts):
            price = desk.price - part * step
            if price > 0.0:
                desk.limit(1.0 / self.parts, price)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        """Move the way out with the average price; after the exit nothing is bought any more."""
        if desk.position == 0.0:
            desk.cancel_all()
        elif event.quantity > 0.0:
            for order in desk.orders:
                if order.reduce_only:
                    desk.cancel(order.number)
            desk.limit(1.0, desk.entry_price * (1.0 + self.gain), reduce_only=True)
