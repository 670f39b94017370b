"""The strategy file that a new idea begins with; it passes the contract as it is."""

_TEMPLATE = '''"""{title}."""

import numpy as np

from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy


class {class_name}(Strategy):
    """Long while the price is above its average, short while it is below.

    Hypothesis: what do you believe, and who is on the other side? Regime: where should it work?
    Failure: where will it lose, and how much?
    """

    inputs = Inputs(symbols=1)
    window = Int(50, low=10, high=300, log=True)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def target(self, bars: Bars) -> Array:
        """1 above the average, -1 below, NaN (no opinion) before there is one; uses bars up to each one."""
        target = np.sign(bars.close - ema(bars.close, self.window))
        target[: self.window] = np.nan
        return target
'''

_EVENT_TEMPLATE = '''"""{title}."""

from quant_pipelines.indicators import bollinger
from quant_pipelines.sdk import Array, Bars, CompiledStrategy, Float, Int, Named, OrderNews, Stops, View
from quant_pipelines.sdk.asks import cancel_all, limit


class {class_name}(CompiledStrategy):
    """Waits with a limit below the average, and gives back at the average what it was filled.

    Hypothesis: what do you believe, and who is on the other side? Regime: where should it work?
    Failure: where will it lose, and how much?
    """

    order_kinds = ("limit",)
    row = ("mean", "entry")
    window = Int(50, low=10, high=300, log=True)
    distance = Float(2.0, low=0.5, high=6.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def features(self, bars: Bars) -> dict[str, Array]:
        """Average and lower band, computed for all bars at once; each value uses bars up to its own."""
        lower, middle, _ = bollinger(bars.close, self.window, self.distance)
        return {{"mean": middle, "entry": lower}}


def on_bar(view: View, row: Named, orders: Array) -> None:
    """Move the entry while flat."""
    if view.position == 0.0:
        cancel_all(orders)
        if 0.0 < row.entry < row.mean:
            limit(orders, 1.0, row.entry)


def on_order(view: View, event: OrderNews, row: Named, orders: Array) -> None:
    """Place the way out after a fill; the hard stop stands by itself."""
    if event.quantity > 0.0 and view.position > 0.0:
        limit(orders, 1.0, row.mean, reduce_only=True)
'''


def scaffold(name: str, *, is_event: bool = False) -> str:
    """Text of a new strategy file.

    Parameters
    ----------
    name
        File name without ``.py``, such as ``my_idea``.
    is_event
        Whether the strategy places orders instead of naming a target.

    Examples
    --------
    >>> from quant_pipelines.sdk.scaffold import scaffold
    >>> text = scaffold("my_idea")
    >>> [line for line in text.splitlines() if line.startswith("class")]
    ['class MyIdea(Strategy):']
    >>> "on_bar" in text, "on_bar" in scaffold("my_idea", is_event=True)
    (False, True)
    """
    words = [word for word in name.split("_") if word]
    class_name = "".join(word[:1].upper() + word[1:] for word in words)
    template = _EVENT_TEMPLATE if is_event else _TEMPLATE
    return template.format(title=" ".join(words).capitalize(), class_name=class_name)
