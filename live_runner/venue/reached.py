"""Whether what rests may have been filled, by the stream's prices: the venue need not be asked meanwhile.

A limit is filled, and a stop triggers, only by a trade at its price or behind it. A minute of the stream
tells the lowest and the highest of its trades so far, so that a message that is lost hides none of them, but
the last ones of the minute before.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from quant_pipelines.exchange import LiveBar
from quant_pipelines.store.trading import Intent

RunningBar: TypeAlias = Callable[[str], LiveBar | None]
"""Minute of a symbol that trades, as a stream that speaks told it just now; None without one."""


def no_running_bar(_symbol: str) -> None:
    """Know none: whoever asks looks at the venue."""


class Reached:
    """Prices that the orders of one symbol rest at, beside those of the running minute.

    Parameters
    ----------
    symbol
        What is traded.
    running_bar
        Tells its minute.
    """

    def __init__(self, symbol: str, running_bar: RunningBar) -> None:
        self._symbol = symbol
        self._running_bar = running_bar
        self._looked_ms = 0

    def may_be_filled(self, resting: Iterable[Intent]) -> bool:
        """Whether a trade was at one of the prices, or nobody knows: in a new minute it is looked once."""
        bar = self._running_bar(self._symbol)
        if bar is None or bar.ts != self._looked_ms:
            return True
        return any(_is_reached(one, bar) for one in resting)

    def looked(self, since_ms: int) -> None:
        """Note that the venue was read, by a look that began in the minute that opened then."""
        self._looked_ms = since_ms

    def minute_ms(self) -> int:
        """Open of the running minute, milliseconds UTC; 0 if nobody knows."""
        bar = self._running_bar(self._symbol)
        return 0 if bar is None else bar.ts


def _is_reached(intent: Intent, bar: LiveBar) -> bool:
    if intent.price is None:
        return True
    price, waits_below = float(intent.price), (intent.side == "buy") != intent.is_conditional
    return bar.low <= price if waits_below else bar.high >= price
