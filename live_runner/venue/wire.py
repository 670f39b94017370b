"""Where a book at a venue hands its committed intents, and what holds it back."""

from collections.abc import Callable
from typing import NamedTuple

from quant_pipelines.core.orders import OrderKind
from quant_pipelines.store.trading import Intent


class EntryOrder(NamedTuple):
    """How what opens or adds is ordered: kind, and in how many parts."""

    kind: OrderKind = "market"
    n_parts: int = 1


AT_MARKET = EntryOrder()


class Wire:
    """Between the broker, which decides in threads, and whoever talks to the venue.

    Attributes
    ----------
    put
        Takes a committed intent to whoever sends it; called from any thread.
    wake
        Has whoever keeps the stops look at the book; called from any thread.
    entry
        Orders that open or add.
    blocked_by
        Why nothing may be decided now, as one clause; empty when something may.
    """

    def __init__(
        self, put: Callable[[Intent], None], wake: Callable[[], None], entry: EntryOrder = AT_MARKET
    ) -> None:
        self.put = put
        self.wake = wake
        self.entry = entry
        self.blocked_by = "the books are not compared with the venue yet"
