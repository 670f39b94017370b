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


def scaffold(name: str) -> str:
    """Text of a new strategy file.

    Parameters
    ----------
    name
        File name without ``.py``, such as ``my_idea``.
    """
    words = [word for word in name.split("_") if word]
    class_name = "".join(word[:1].upper() + word[1:] for word in words)
    return _TEMPLATE.format(title=" ".join(words).capitalize(), class_name=class_name)
